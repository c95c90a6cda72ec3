"""credentials: which account a registry is asked with."""

from __future__ import annotations

import base64
import functools
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, TypeAlias

from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import AcrRegistry, EnvSecret, GenericRegistry, RegistryEntry, SecretSource
from bedplate.secrets import Secret
from bedplate.specfile import secret_places
from bedplate.specfile.places import Keys

HUB = "https://index.docker.io/v1/"  # Docker Hub's key in config.json and in every credential store
AZURE_ENDINGS = ("azurecr.io", "azurecr.us", "azurecr.cn")  # of login servers: Azure, Azure Government, Azure in China
HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io")
HELPER_S = 30.0


@dataclass(frozen=True)
class Login:
    """A name with its password or, where `identity` is true, a refresh token (Docker's `identitytoken`).

    `source`: the variables and files that the spec reads it from, in words; "" where it is Docker's.
    `renew`: lets the next look-up find another one, should this be refused; None: there is none."""

    username: str
    password: Secret
    identity: bool = False
    source: str = field(default="", compare=False)
    renew: Callable[[], None] | None = field(default=None, compare=False, repr=False)


Credentials: TypeAlias = Callable[[], "Login | None"]  # looked up when a registry first asks; None: anonymous


def anonymous() -> Login | None:
    return None


def credentials(entry: RegistryEntry | None, address: str, root: Path, under: Keys = ()) -> Credentials:
    """Those that the spec names, else those that Docker has for the address's host, else none. Nothing is read yet.

    `entry` is the target's; what it names is handed out for its own host only. `root`: the project's, for files.
    `under`: where the entry stands in the spec, for errors."""

    def find() -> Login | None:
        if entry is not None and _named(entry, address):
            return _from_spec(entry, address, root, under)
        return from_docker(address)

    return functools.lru_cache(maxsize=None)(find)


def read_secret(source: SecretSource, root: Path, what: str, under: Keys = ()) -> Secret:
    """Raises StepError, which names the variable or the file. `what` it is for: `password of ml.example.io`.

    `under`: where in the spec it stands."""
    if isinstance(source, EnvSecret):
        text = os.environ.get(source.env)
        if not text:
            state = "empty" if text == "" else "not set"
            message = f"{what}: the environment variable {source.env} is {state}"
            raise StepError(message, f"export {source.env}=...", secret_places.shown(source, root, under))
        return Secret(text)
    path = root / Path(source.file).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        hint = secret_places.meant(path) if isinstance(error, FileNotFoundError) else ""
        message = f"{what}: cannot read {source.file}: {why}"
        raise StepError(message, hint, secret_places.shown(source, root, under)) from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise StepError(f"{what}: {source.file} is empty", "", secret_places.shown(source, root, under))
    return Secret(text)


def from_docker(address: str) -> Login | None:
    """What `docker login` left for this host: in config.json, or in the store or helper that it names."""
    host = address.partition("/")[0]
    folder = os.environ.get("DOCKER_CONFIG")
    path = (Path(folder) if folder else Path.home() / ".docker") / "config.json"
    try:
        config = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        hint = "Docker's sign-ins stand there; `docker login` writes it"
        raise StepError(f"cannot read {path}: {error}", hint) from None
    if not isinstance(config, dict):
        raise StepError(f"cannot read {path}: not a JSON object")
    key = HUB if host in HUB_HOSTS else host
    helper = _object(config, "credHelpers").get(key) or config.get("credsStore")
    if isinstance(helper, str) and helper:
        return _from_helper(helper, key)
    for name, entry in _object(config, "auths").items():
        if (name == key or _host(name) == host) and isinstance(entry, dict):
            return _from_entry(entry, name, path)
    return None


def _named(entry: RegistryEntry, address: str) -> bool:
    if isinstance(entry, GenericRegistry):
        return entry.password is not None and _host(entry.address) == _host(address)
    if isinstance(entry, AcrRegistry):
        # a name alone is the first part of its login server; no other host may have the password
        name = entry.name.lower()
        servers = (name, *(f"{name}.{ending}" for ending in AZURE_ENDINGS))
        return entry.password is not None and _host(address).lower() in servers
    return False


def _from_spec(entry: RegistryEntry, address: str, root: Path, under: Keys) -> Login:
    assert isinstance(entry, (GenericRegistry, AcrRegistry)) and entry.password is not None
    host = _host(address)
    if entry.username is None:
        raise StepError(f"registry {host}: a password is given, but no username", "add `username` beside `password`")
    username = entry.username
    if not isinstance(username, str):
        username = read_secret(username, root, f"username of {host}", under).reveal()
    places = dict.fromkeys(_place(one) for one in (entry.username, entry.password) if not isinstance(one, str))
    password = read_secret(entry.password, root, f"password of {host}", under)
    return Login(username, password, source=" and ".join(places))


def _place(source: SecretSource) -> str:
    return f"the variable {source.env}" if isinstance(source, EnvSecret) else f"the file {source.file}"


def _from_entry(entry: Mapping[str, Any], name: str, path: Path) -> Login | None:
    username, password = entry.get("username") or "", entry.get("password") or ""
    if entry.get("auth"):
        try:
            username, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        except (ValueError, TypeError):
            raise StepError(f"{path}: the sign-in of {name} cannot be read", f"`docker login {_host(name)}`") from None
        password = password.rstrip("\0")
    if entry.get("identitytoken"):
        return Login(username, Secret(entry["identitytoken"]), identity=True)
    return Login(username, Secret(password)) if username else None


def _from_helper(helper: str, key: str) -> Login | None:
    # docker-credential-helpers, README "Development": the key on stdin, JSON or a message on stdout
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run([program, "get"], input=key.encode(), capture_output=True, timeout=HELPER_S, check=False)
    except FileNotFoundError:
        raise StepError(
            f"sign-in for {_host(key)}: {program} is not there",
            "Docker's config.json names it as credential helper: install it or take `credsStore` out",
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        why = "no answer" if isinstance(error, subprocess.TimeoutExpired) else error.strerror
        raise StepError(f"sign-in for {_host(key)}: {program}: {why}") from None
    if done.returncode:
        said = (done.stdout or done.stderr).decode(errors="replace").strip()
        if "credentials not found" in said.lower():
            return None
        raise StepError(f"sign-in for {_host(key)}: {program} failed ({done.returncode}): {said[:200]}")
    try:
        answer = json.loads(done.stdout)
        username, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, TypeError, KeyError):
        raise StepError(f"sign-in for {_host(key)}: the answer of {program} cannot be read") from None
    identity = username == "<token>"
    return Login("" if identity else username, Secret(secret), identity)


def _host(address: str) -> str:
    return address.partition("://")[2].partition("/")[0] if "://" in address else address.partition("/")[0]


def _object(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = config.get(name)
    return value if isinstance(value, dict) else {}
