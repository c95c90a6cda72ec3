"""Docker's checks where their edges are (moby/buildkit, frontend/dockerfile/dockerfile2llb): line and name of each."""

from __future__ import annotations

import pytest

from bedplate.checks import docker_instructions, docker_stages, docker_variables
from bedplate.dockerfile import reader as dockerfile_reader


def found(text: str) -> list[str]:
    read = dockerfile_reader.parse(text.encode(), "Dockerfile")
    findings = [
        *docker_stages.find(read),
        *docker_instructions.find(read),
        *docker_variables.find(read, {}, "linux/amd64"),
    ]
    findings.sort(key=lambda f: (f.mistake.line, f.mistake.column))
    return [f"{f.mistake.line} {f.code}" for f in findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nWORKDIR app\nWORKDIR src\n", ["2 WorkdirRelativePath"]),
        ("FROM a\nWORKDIR /app\nWORKDIR src\n", []),
        ("FROM a AS b\nWORKDIR /app\nFROM b\nWORKDIR src\n", []),
        ("FROM a AS b\nWORKDIR app\nFROM b\nWORKDIR src\n", ["2 WorkdirRelativePath"]),
        ("FROM a AS b\nWORKDIR /app\nFROM a\nWORKDIR src\n", ["4 WorkdirRelativePath"]),
        ("FROM a\nSHELL ['bash', '-c']\nCMD serve\n".replace("'", '"'), []),
        ("FROM a AS b\nSHELL ['bash', '-c']\nFROM b AS c\nFROM c\nCMD serve\n".replace("'", '"'), []),
        ("FROM a AS b\nSHELL ['bash', '-c']\nFROM a\nCMD serve\n".replace("'", '"'), ["4 JSONArgsRecommended"]),
        ("ARG HF_TOKEN\nFROM a\nRUN true\n", []),
        ("ARG HF_TOKEN\nFROM a\nARG HF_TOKEN\n", ["3 SecretsUsedInArgOrEnv"]),
        ("FROM --platform=$TARGETPLATFORM a\n", ["1 RedundantTargetPlatform"]),
        ("FROM --platform=${TARGETPLATFORM:-linux/amd64} a\n", ["1 RedundantTargetPlatform"]),
        ("FROM --platform=$BUILDPLATFORM a\n", []),
        ("FROM --platform=linux/arm64 a AS for-ARM64\n", ["1 StageNameCasing"]),
        ("FROM a\n# two is the second\nARG one two\n", []),
        ("FROM a\n# both\nARG one two\n", ["3 InvalidDefinitionDescription"]),
        ("FROM a AS b\nCMD ['x']\nFROM b\nCMD ['y']\n".replace("'", '"'), []),
    ],
)
def test_a_rule_goes_as_far_as_dockers(text: str, expected: list[str]) -> None:
    assert found(text) == expected
