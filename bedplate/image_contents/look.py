"""look: the files of an image and its configuration, as the finders ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from bedplate.frozen import dataclass
from bedplate.image_contents import packages, rpm_databases
from bedplate.image_contents.packages import Versions

# of images that name no PATH (Docker's own default)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STATUS = "/var/lib/dpkg/status"
RPM = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
RPM_DATABASES = {
    "rpmdb.sqlite": rpm_databases.sqlite,
    "Packages.db": rpm_databases.ndb,
    "Packages": rpm_databases.berkeley,
}
APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")


class Entry(NamedTuple):
    """A file or folder. `path`: where the links lead. `mode`: permission bits. `size`: bytes."""

    path: str
    folder: bool
    mode: int
    size: int


class Look(Protocol):
    """Paths are absolute; links are followed."""

    def entry(self, path: str) -> Entry | None:
        """None: not there, or a link that leads nowhere."""

    def read(self, path: str) -> bytes | None:
        """The file's content; None: not there, or no file."""

    def names(self, folder: str) -> Sequence[str]:
        """Of what stands in the folder; empty where there is none."""


class UnreadableError(Exception):
    """The image has it, in a form that is not read here: said in the user's words."""


class Late:
    """A `Look` that is opened when something is first looked for: configuration alone tells much of an image."""

    def __init__(self, opened: Callable[[], Look]) -> None:
        self._opened = opened

    @cached_property
    def _look(self) -> Look:
        return self._opened()

    def entry(self, path: str) -> Entry | None:
        return self._look.entry(path)

    def read(self, path: str) -> bytes | None:
        return self._look.read(path)

    def names(self, folder: str) -> Sequence[str]:
        return self._look.names(folder)


@dataclass(frozen=True)
class Image:
    """`config`: as the engine has it: Env, User, Entrypoint, Cmd, ExposedPorts, WorkingDir."""

    look: Look
    config: Mapping[str, Any]  # Any: what the engine says of an image is JSON

    @cached_property
    def environment(self) -> Mapping[str, str]:
        return dict(one.partition("=")[::2] for one in self.config.get("Env") or ())

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The folders of PATH."""
        return tuple(f for f in self.environment.get("PATH", PATH).split(":") if f.startswith("/"))

    @cached_property
    def family(self) -> str:
        """dpkg, rpm, apk, or "" for none: who installs packages here."""
        look = self.look
        if look.entry(STATUS) or look.entry(f"{STATUS}.d"):
            return "dpkg"
        if any(look.entry(path) for path in APK):
            return "apk"
        return "rpm" if any(look.entry(folder) for folder in RPM) else ""

    @cached_property
    def packages(self) -> Versions:
        """Of the system, by name. Raises UnreadableError."""
        look = self.look
        if self.family == "dpkg":
            found = dict(packages.dpkg(look.read(STATUS) or b""))
            for name in look.names(f"{STATUS}.d"):  # of images without a package manager
                if not name.endswith(".md5sums"):
                    found.update(packages.dpkg(look.read(f"{STATUS}.d/{name}") or b""))
            return found
        if self.family == "apk":
            return packages.apk(next((content for path in APK if (content := look.read(path)) is not None), b""))
        return self._rpm() if self.family == "rpm" else {}

    def program(self, name: str, folders: Sequence[str] = ()) -> Entry | None:
        """As a shell looks for it: a path as it is, a name in PATH and then in `folders`; None: not executable."""
        relative = f"{str(self.config.get('WorkingDir') or '/').rstrip('/')}/{name}"
        paths = [name if name.startswith("/") else relative] if "/" in name else []
        for path in paths or [f"{folder.rstrip('/')}/{name}" for folder in (*self.path, *folders)]:
            found = self.look.entry(path)
            if found and not found.folder and found.mode & 0o111:
                return found
        return None

    def place(self, name: str, folders: Sequence[str] = ()) -> str | None:
        """The folder that the program is called in, links not followed."""
        places = (folder.rstrip("/") for folder in (*self.path, *folders))
        return next((place for place in places if self.look.entry(f"{place}/{name}")), None)

    def _rpm(self) -> Versions:
        for folder in RPM:
            for name, headers in RPM_DATABASES.items():
                database = self.look.read(f"{folder}/{name}")
                if database is not None:
                    try:
                        return packages.rpm(headers(database))
                    except ValueError as error:
                        raise UnreadableError(f"{folder}/{name} {error}") from None
        return {}
