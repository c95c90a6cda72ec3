"""codes: every code that a finding can have, with its severity; docs/checks.md shows an example of each."""

from __future__ import annotations

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)

# Docker's own names and rules: docs.docker.com/reference/build-checks
DOCKER = {
    "ConsistentInstructionCasing": WARNING,
    "CopyIgnoredFile": ERROR,  # Docker warns, and then its build fails
    "DuplicateStageName": WARNING,
    "ExposeInvalidFormat": WARNING,
    "ExposeProtoCasing": WARNING,
    "FromAsCasing": WARNING,
    "FromPlatformFlagConstDisallowed": WARNING,
    "InvalidDefaultArgInFrom": WARNING,
    "InvalidDefinitionDescription": WARNING,
    "JSONArgsRecommended": WARNING,
    "LegacyKeyValueFormat": WARNING,
    "MaintainerDeprecated": WARNING,
    "MultipleInstructionsDisallowed": WARNING,
    "NoEmptyContinuation": WARNING,
    "RedundantTargetPlatform": WARNING,
    "ReservedStageName": WARNING,
    "SecretsUsedInArgOrEnv": WARNING,
    "StageNameCasing": WARNING,
    "UndefinedArgInFrom": WARNING,
    "UndefinedVar": WARNING,
    "WorkdirRelativePath": WARNING,
}

FILES = {
    "DockerfileMistake": ERROR,
    "MissingFile": ERROR,
    "MissingSource": ERROR,
    "NothingMatches": WARNING,
    "SpecMistake": ERROR,
    "UnknownSource": WARNING,
    "UnusedArgument": WARNING,
}

PINS = {  # policy: {pins: require} makes an error of each, `off` drops them
    "LatestTag": WARNING,
    "UnpinnedApk": NOTE,
    "UnpinnedApt": NOTE,
    "UnpinnedConda": WARNING,
    "UnpinnedDnf": NOTE,
    "UnpinnedDownload": WARNING,
    "UnpinnedImage": WARNING,
    "UnpinnedPip": WARNING,
    "UnpinnedR": NOTE,
}

SECRETS = {
    "SecretInContext": WARNING,
    "SecretInDockerfile": WARNING,
    "SecretInSpec": WARNING,
}

SERVICES = {
    "EmptyModel": ERROR,
    "InferenceServerMissing": WARNING,
    "ScoringCodeInvalid": ERROR,
    "ScoringFunctionMissing": ERROR,
}

MACHINE = {
    "AzureRefused": ERROR,
    "DiskSpace": WARNING,
    "EngineUnreachable": ERROR,
    "PortTaken": ERROR,
    "PullRefused": WARNING,
    "PullRoleNeeded": NOTE,
    "PushRefused": ERROR,
    "RegistryRefused": ERROR,
    "SecretMissing": ERROR,
    "SocketLeftOut": WARNING,
}

OTHERS = {
    "BadIgnore": WARNING,
    "UnquotedVersion": WARNING,
}

CODES = {**DOCKER, **FILES, **PINS, **SECRETS, **SERVICES, **MACHINE, **OTHERS}
EXPERIMENTAL = frozenset({"InvalidDefinitionDescription"})  # looked at only where a `# check=experimental=` asks
