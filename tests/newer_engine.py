"""Engines and clients of later Debians, with buildx, for what the machine's own may be too old for."""

from __future__ import annotations

from pathlib import Path

from tests.azure.judges import programs

TRIXIE = "trixie"  # Debian 13: Docker 26.1, buildx 0.13, the Dockerfile frontend 1.7
FORKY = "forky"  # Debian 14: Docker 28.5, buildx 0.29, the Dockerfile frontend 1.19 with what was experimental before
PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "containerd")
# not its runc, which needs a newer C library: the machine's own does
FILES = (
    *("usr/sbin/dockerd", "usr/sbin/docker-proxy", "usr/bin/docker", "usr/libexec/docker/cli-plugins/docker-buildx"),
    *("usr/bin/containerd", "usr/bin/containerd-shim-runc-v2"),
)


def folder(suite: str) -> Path:
    """Where its programs are. Raises programs.CannotInstall."""
    return programs.debian_files(suite, PACKAGES, FILES)
