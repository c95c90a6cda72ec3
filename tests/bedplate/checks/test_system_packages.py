"""What `apt-get`, `apk`, `dnf` and R take in any version, in the ways that Dockerfiles write it."""

from __future__ import annotations

import pytest

from bedplate.checks import dockerfile, system_packages
from bedplate.checks.shell_commands import commands
from bedplate.dockerfile import reader as dockerfile_reader


def loose(line: str) -> list[str]:
    found = [known for command in commands(line) if (known := system_packages.unpinned(command))]
    return [package for _, packages in found for package in packages]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("apt-get update && apt-get install -y --no-install-recommends git curl=7.88", ["git"]),
        ("apt-get -qq -o Acquire::Retries=3 install -t bookworm-backports g++", ["g++"]),
        ("apt-get install -y ./cuda.deb /tmp/a.deb python$VERSION", []),
        ("apt-get remove -y git; apt-cache policy git", []),
        ("apk add --no-cache git curl=8.5.0-r0 openssl~3.1 'musl<1.3'", ["git"]),
        ("apk --update add --virtual .build-deps gcc libffi-dev", ["gcc", "libffi-dev"]),
        ("apk add --no-cache -X https://dl-cdn.alpinelinux.org/alpine/edge/testing py3-x@testing", ["py3-x@testing"]),
        ("apk add --allow-untrusted ./local.apk /tmp/other.apk $PACKAGES '!busybox'", []),
        ("apk del .build-deps; apk update; apk add .run-deps", []),
        ("dnf install -y git gcc-12.3.0 python3.11 && dnf clean all", ["git", "python3.11"]),
        ("yum -y install epel-release; yum install -y --enablerepo epel hdf5", ["epel-release", "hdf5"]),
        ("microdnf install --nodocs --setopt install_weak_deps=0 tar-1.34-6.el9.x86_64", []),
        ("dnf install -y @development https://example.org/a.rpm ./b.rpm gcc-toolset-12", []),
        ("dnf module install nodejs; dnf groupinstall 'Development Tools'; yum update -y git", []),
        (
            """R -e "install.packages(c('jsonlite', 'dplyr'), repos='https://cloud.r-project.org')" """,
            ["jsonlite", "dplyr"],
        ),
        ("""Rscript -e 'install.packages("plumber")'""", ["plumber"]),
        ("Rscript -e \"install.packages('x', repos='https://packagemanager.posit.co/cran/2024-05-01')\"", []),
        ("Rscript -e \"remotes::install_version('x', '1.0')\" -e 'renv::restore()'", []),
        ("Rscript -e \"install.packages('$PACKAGE')\"", []),
        ("Rscript install.R", []),
    ],
)
def test_a_version_holds_a_package(line: str, expected: list[str]) -> None:
    assert loose(line) == expected


@pytest.mark.parametrize(
    "text",
    [
        "FROM rocker/r-ver:4.3.3\nRUN R -e \"install.packages('jsonlite')\"\n",
        "FROM a:1\nENV CRAN=https://packagemanager.posit.co/cran/2024-05-01\nRUN R -e \"install.packages('x1')\"\n",
    ],
)
def test_a_mirror_of_one_day_holds_all_packages_of_r(text: str) -> None:
    read = dockerfile_reader.parse(text, "Dockerfile")
    assert "UnpinnedR" not in {f.code for f in dockerfile.find(read, {}, "linux/amd64", read.instructions)}


def test_the_place_is_that_of_the_package() -> None:
    read = dockerfile_reader.parse(
        "FROM a:1\nRUN apk add --no-cache \\\n    tini=0.19.0-r3 \\\n    git\n", "Dockerfile"
    )
    (finding,) = dockerfile.find(read, {}, "linux/amd64", read.instructions)
    assert (finding.code, finding.mistake.line, finding.mistake.column) == ("UnpinnedApk", 4, 5)
