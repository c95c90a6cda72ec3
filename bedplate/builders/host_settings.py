"""host_settings: what of this machine a build needs to reach the network: a CA bundle, pip's settings, proxies."""

from __future__ import annotations

import configparser
import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from urllib.parse import urlsplit

from bedplate import hidden
from bedplate.dockerfile import reader as dockerfile_reader
from bedplate.frozen import dataclass
from bedplate.step import BuildRequest

FOLDER = ".bedplate-host"  # in the context, for one build
# A tmpfs in every RUN: what is mounted below it leaves no trace in the layer, where a mount at any other place
# leaves an empty file.
MOUNTED = "/dev/shm/bedplate"
CA = "ca.pem"
PIP = "pip.conf"

CA_NAMES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")  # read in this order, all handed over
CA_ALSO = ("GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS")  # handed over where this machine has them
# Docker's predefined arguments (Dockerfile reference, "Predefined ARGs"): in no layer, history or cache key
PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
# what of pip's configuration means the same inside a build; paths of this machine do not
PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "timeout", "retries", "proxy")
PIP_ALIASES = {"default-timeout": "timeout", "pypi-url": "index-url"}
URLS = ("index-url", "extra-index-url", "proxy")
HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class HostSettings:
    """`run_mounts`: flags for each RUN. `stage_lines`: Dockerfile lines after each FROM. `notes`: what was left out."""

    extra_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    run_mounts: tuple[str, ...] = ()
    stage_lines: tuple[str, ...] = ()
    args: Mapping[str, str] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    def without_mounts(self) -> HostSettings:
        """What a builder without RUN --mount can be handed: the proxies."""
        lost = " and ".join(name for name, file in (("CA bundle", CA), ("pip settings", PIP)) if self._has(file))
        note = f"this engine has no BuildKit: the host's {lost} cannot be handed to the build"
        return HostSettings(args=self.args, notes=(*self.notes, note) if lost else self.notes)

    def _has(self, file: str) -> bool:
        return f"{FOLDER}/{file}" in self.extra_files


def read(environ: Mapping[str, str], home: Path, etc: Path = Path("/etc")) -> HostSettings:
    """Looks at the environment and at pip's files; asks nobody."""
    notes: list[str] = []
    pip = _pip_settings(environ, home, etc)
    hidden.learn_addresses([*environ.values(), *(value for keys in pip.values() for value in keys.values())])
    hidden.learn_addresses(_docker_settings(environ, home))
    files: dict[str, bytes] = {}
    variables: dict[str, str] = {}
    bundle = _ca_bundle(environ, pip, notes)
    if bundle is not None:
        files[CA] = bundle
        variables.update(dict.fromkeys([*CA_NAMES, *(n for n in CA_ALSO if environ.get(n))], f"{MOUNTED}/{CA}"))
    settings = _pip_file(pip, notes)
    if settings:
        files[PIP] = settings
        variables["PIP_CONFIG_FILE"] = f"{MOUNTED}/{PIP}"
    return HostSettings(
        extra_files={f"{FOLDER}/{name}": content for name, content in files.items()},
        run_mounts=tuple(f"--mount=type=bind,source={FOLDER}/{name},target={MOUNTED}/{name}" for name in files),
        stage_lines=tuple(f"ARG {name}={value}" for name, value in variables.items()),
        args=_proxies(environ, notes),
        notes=tuple(notes),
    )


def applied(settings: HostSettings, request: BuildRequest) -> BuildRequest:
    """The request with the settings in its Dockerfile, context and arguments; an argument of its own wins.

    Only stages that run something get them, so an image without a RUN has no trace of them at all."""
    parsed = dockerfile_reader.parse(request.dockerfile, request.dockerfile_path)
    source = request.dockerfile.split("\n")
    behind: set[int] = set()  # lines that a stage's own lines follow
    begins = 0
    for instruction in parsed.instructions if settings.run_mounts else ():
        if instruction.keyword == "FROM":
            begins = instruction.end_line
        elif instruction.keyword == "RUN":
            line, end = source[instruction.line - 1], instruction.column - 1 + len(instruction.keyword)
            source[instruction.line - 1] = f"{line[:end]} {' '.join(settings.run_mounts)}{line[end:]}"
            behind.add(begins)
    text: list[str] = []
    lines: dict[int, int] = {}
    for number, line in enumerate(source, 1):
        text.append(line)
        if number in request.lines:
            lines[len(text)] = request.lines[number]
        text += settings.stage_lines if number in behind else ()
    return replace(
        request,
        dockerfile="\n".join(text),
        lines=lines,
        args={**settings.args, **request.args},
        extra_files={**settings.extra_files, **request.extra_files},
    )


Settings = dict[str, dict[str, str]]  # section -> key -> value, as in pip's files


def _ca_bundle(environ: Mapping[str, str], pip: Settings, notes: list[str]) -> bytes | None:
    named = [environ[name] for name in CA_NAMES if environ.get(name)]
    named += [keys["cert"] for keys in pip.values() if keys.get("cert")]
    for path in named:
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            notes.append(f"CA bundle {path} is named in the environment but cannot be read: {error.strerror}")
            continue
        if b"-----BEGIN" in content:
            return content
        notes.append(f"CA bundle {path} holds no certificate in PEM form")
    return None


def _pip_settings(environ: Mapping[str, str], home: Path, etc: Path) -> Settings:
    """What pip itself would read here, later ones winning. (pip documentation, "Configuration", "Location")"""
    settings: Settings = {}
    own = environ.get("PIP_CONFIG_FILE")
    if own != os.devnull:
        xdg = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        paths = [
            etc / "xdg" / "pip" / "pip.conf",
            etc / "pip.conf",
            home / ".pip" / "pip.conf",
            xdg / "pip" / "pip.conf",
        ]
        paths.append(home / "Library" / "Application Support" / "pip" / "pip.conf")
        for path in [*paths, Path(own)] if own else paths:
            for section, keys in _pip_file_read(path):
                settings.setdefault(section, {}).update(keys)
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            key = name[4:].lower().replace("_", "-")
            # an option in the environment holds for every command
            settings.setdefault("global", {})[PIP_ALIASES.get(key, key)] = value
            for section in settings:
                if section != "global":
                    settings[section].pop(PIP_ALIASES.get(key, key), None)
    return settings


def _docker_settings(environ: Mapping[str, str], home: Path) -> list[str]:
    """The words of Docker's config.json: its client hands the proxies in there to every build."""
    folder = environ.get("DOCKER_CONFIG")
    try:
        text = ((Path(folder) if folder else home / ".docker") / "config.json").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return text.split('"')


def _pip_file_read(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return  # pip itself says what is wrong with it
    for section in parser.sections():
        keys = ((key.lower().replace("_", "-"), value) for key, value in parser.items(section))
        yield section, {PIP_ALIASES.get(key, key): value for key, value in keys}


def _pip_file(settings: Settings, notes: list[str]) -> bytes:
    file = configparser.RawConfigParser()
    for section, keys in settings.items():
        taken = {key: _reachable(key, keys[key], notes) for key in PIP_KEYS if keys.get(key)}
        if any(taken.values()):
            file[section] = {key: value for key, value in taken.items() if value}
    text = io.StringIO()
    file.write(text)
    return text.getvalue().strip().encode()


def _reachable(key: str, value: str, notes: list[str]) -> str:
    """The value without what is on this machine only: a folder, or a server that listens here alone."""
    if key not in URLS:
        return " ".join(value.split())
    kept = []
    for url in value.split():
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme == "file" or not parts.hostname:
            continue
        if parts.hostname in HERE:
            notes.append(f"pip's {key} {_shown(url)} is this machine alone: a build cannot reach it")
            continue
        kept.append(url)
    return " ".join(kept)


def _proxies(environ: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PROXY_NAMES:
        value = environ.get(name) or environ.get(name.lower())
        if not value:
            continue
        host = urlsplit(value if "://" in value else f"http://{value}").hostname
        if name != "NO_PROXY" and host in HERE:
            notes.append(f"{name} {_shown(value)} is this machine alone: a build cannot reach it")
            continue
        found[name] = found[name.lower()] = value
    return found


def _shown(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", url)
