"""dockerfile: everything that can be said of one Dockerfile from its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bedplate.checks import docker_instructions, docker_stages, docker_variables, package_pins, secrets_written
from bedplate.checks.excuses import Directive
from bedplate.checks.finding import Finding
from bedplate.checks.package_pins import Find
from bedplate.dockerfile.reader import Dockerfile, Instruction


def find(
    dockerfile: Dockerfile,
    given: Mapping[str, str],
    platform: str,
    needed: Sequence[Instruction],
    file: Find = lambda name: None,
) -> list[Finding]:
    """`given`: the arguments that the spec sets. `needed`: the instructions that the target is made of.
    `file`: a file of the context by the name that a RUN gives it."""
    found = [
        *docker_stages.find(dockerfile),
        *docker_instructions.find(dockerfile),
        *docker_variables.find(dockerfile, given, platform),
    ]
    found = list(Directive.parse(dockerfile.directives.get("check", "")).apply(found))
    found += package_pins.in_dockerfile(dockerfile, needed, file)
    found += secrets_written.in_dockerfile(dockerfile)
    return found
