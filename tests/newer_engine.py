"""The engine and client of Debian 13 (26.1, with buildx 0.13), for what the machine's own may be too old for."""

from __future__ import annotations

from pathlib import Path

from tests.azure.judges import programs

SUITE = "trixie"
PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "containerd")
# not its runc, which needs a newer C library: the machine's own does
FILES = (
    *("usr/sbin/dockerd", "usr/sbin/docker-proxy", "usr/bin/docker", "usr/libexec/docker/cli-plugins/docker-buildx"),
    *("usr/bin/containerd", "usr/bin/containerd-shim-runc-v2"),
)


def folder() -> Path:
    """Where its programs are. Raises programs.CannotInstall."""
    return programs.debian_files(SUITE, PACKAGES, FILES)
