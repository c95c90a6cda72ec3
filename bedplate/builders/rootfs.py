"""rootfs: a Debian or Ubuntu suite and packages become a root file system, as a tar that is the same every time."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bedplate import hidden
from bedplate.builders import apt_sources
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.log import Log

# later than the packages of the stable suites were first made: only what the installation writes gets this time
EPOCH = 1_700_000_000
RECIPE = 1  # counts up when the commands below change what comes out
NAME = "rootfs.tar"
MAKING = "making-"  # begins the name of a folder in which one is being made
DAY_S = 86_400
KEPT = 6  # tars; the ones used least recently go first
# Debian's names for OCI's platforms
ARCHITECTURES = {
    "linux/amd64": "amd64",
    "linux/arm64": "arm64",
    "linux/arm/v7": "armhf",
    "linux/386": "i386",
    "linux/ppc64le": "ppc64el",
    "linux/s390x": "s390x",
}
TAIL = 20  # lines of mmdebstrap's output shown when it fails
# as in Debian's own slim images, apart from the copyright files: manuals and translations, for later packages too
LEFT_OUT = ("doc", "groff", "info", "linda", "lintian", "locale", "man")
# of the machine it was made on, or written anew when it is needed
REMOVED = (
    "etc/hostname",
    "etc/resolv.conf",
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "var/cache/ldconfig/aux-cache",
    "var/cache/debconf/*-old",
    "var/lib/dpkg/*-old",
    "var/log/apt/*",
    "var/log/*.log",
)


@dataclass(frozen=True)
class Rootfs:
    """`mirror` None: those of this machine. `architecture`: Debian's name, None: this machine's."""

    suite: str
    packages: tuple[str, ...]
    variant: str
    components: tuple[str, ...]
    mirror: str | None
    architecture: str | None


def build(rootfs: Rootfs, log: Log, *, fresh: bool = False) -> Path:
    """The tar, made now or (not `fresh`) kept in the user's cache folder from an earlier time. Raises StepError.

    The same versions of the packages in the mirror give the same bytes."""
    mirrors = [rootfs.mirror] if rootfs.mirror else apt_sources.of_suite(rootfs.suite, rootfs.components)
    path = folder() / _key(rootfs, mirrors) / NAME
    if path.exists() and not fresh:
        log.note(f"root file system {rootfs.suite}: kept from an earlier build, {path}")
        os.utime(path.parent)
        return path
    program = shutil.which("mmdebstrap")
    if program is None:
        raise StepError("a rootfs image is made by mmdebstrap, which is not installed", _how_to_install())
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=MAKING, dir=folder()) as making:
        tar = Path(making) / NAME
        _run([program, *arguments(rootfs), str(tar), *mirrors], rootfs, log)
        tar.rename(path)
    _forget_old(path.parent)
    return path


def arguments(rootfs: Rootfs) -> list[str]:
    """mmdebstrap's options and the suite."""
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    kept = ["doc/*/copyright", "locale/locale.alias"]
    options = [
        "--mode=root" if os.geteuid() == 0 else "--mode=unshare",
        f"--variant={rootfs.variant}",
        f"--components={','.join(rootfs.components)}",
        "--format=tar",
        *left_out,
        *(f"--dpkgopt=path-include=/usr/share/{name}" for name in kept),
        f'--customize-hook=cd "$1" && rm -rf {" ".join(REMOVED)}',
    ]
    if rootfs.packages:
        options.append(f"--include={','.join(rootfs.packages)}")
    if rootfs.architecture:
        options.append(f"--architectures={rootfs.architecture}")
    return [*options, rootfs.suite]


def folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bedplate" / "rootfs"


def _key(rootfs: Rootfs, mirrors: Sequence[str]) -> str:
    made_of = [RECIPE, EPOCH, arguments(rootfs), list(mirrors)]
    return f"{rootfs.suite}-{hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:24]}"


def _run(command: Sequence[str], rootfs: Rootfs, log: Log) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    hidden.learn_addresses(command)
    log.line("$ " + re.sub(r"//[^/@\s]*@", "//***@", " ".join(command)))
    last: list[str] = []
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout
    try:
        for line in process.stdout:
            log.line(line.rstrip("\n"))
            last = [*last[1 - TAIL :], line.rstrip("\n")]
        code = process.wait()
    except BaseException:
        process.terminate()  # it removes its own folder then
        process.wait()
        raise
    if code:
        raise StepError(
            f"mmdebstrap failed for suite {rootfs.suite} (exit code {code})", _hint("\n".join(last)), "\n".join(last)
        )


def _hint(said: str) -> str:
    if "newuidmap" in said or "unshare" in said or "subuid" in said:
        return "as a user it needs `sudo apt-get install uidmap` and a line for you in /etc/subuid; or run as root"
    if "Unable to locate package" in said:
        return "a package name is not in this suite and its components: `apt-cache policy NAME` on such a system"
    if "NO_PUBKEY" in said or "not signed" in said:
        return (
            "the suite's keys are missing: `sudo apt-get install gpg debian-archive-keyring` (Ubuntu: `ubuntu-keyring`)"
        )
    if "Release" in said and ("404" in said or "does not have" in said):
        return "is the suite's name right? A suite of Ubuntu needs `mirror:` in pipeline.yaml"
    return ""


def _how_to_install() -> str:
    if sys.platform == "linux" and shutil.which("apt-get"):
        return "sudo apt-get install mmdebstrap"
    return "it runs on Debian and Ubuntu; elsewhere use `reference:` or a Dockerfile that begins with a FROM"


def _forget_old(but: Path) -> None:
    made = [tar.parent for tar in but.parent.glob(f"*/{NAME}") if not tar.parent.name.startswith(MAKING)]
    made.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    # one that nobody has written to for a day was left by a process that was killed
    left = [folder for folder in but.parent.glob(f"{MAKING}*") if time.time() - folder.stat().st_mtime > DAY_S]
    for folder in [*made[KEPT:], *left]:
        if folder != but:
            shutil.rmtree(folder, ignore_errors=True)
