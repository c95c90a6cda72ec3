"""docker_engine: Docker's Engine API, version 1.40 and later, as far as the steps need it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from bedplate.clients import docker_host
from bedplate.clients.docker_errors import EngineError, asking, lacks
from bedplate.clients.docker_http import ANSWER_S, CONNECT_S, DockerHttp

if TYPE_CHECKING:
    from bedplate.clients.buildkit_session import BuildKitSession, Methods
    from bedplate.clients.credentials import Login
    from bedplate.log import Log

T = TypeVar("T")

# Any: docker-py has no types, and what the engine answers is JSON


class Engine:
    """One engine; safe to share between threads. Connects when first used.

    Every method raises StepError where no engine answers, and EngineError (a StepError) where it refuses."""

    fetches_context = True  # False once its BuildKit could not read what was posted to it
    has_sessions = True  # False once it gave none

    def __init__(self, address: str) -> None:
        self.address = address
        self._http = DockerHttp(address)
        self._lock = threading.Lock()
        self._opened: Any = None

    @property
    def api(self) -> Any:
        """docker-py's low-level client, for all but looks and builds."""
        with self._lock:
            if self._opened is None:
                with asking("asking for the engine's version", self.address):
                    self._opened = _open(self.address)
            return self._opened

    # ---- the engine

    def version(self) -> dict[str, Any]:
        """Answer of GET /version: Version, ApiVersion, Os, Arch, Components."""
        with self.asking("asking for the engine's version"):
            answer: dict[str, Any] = self._http.ask("asking for the engine's version", "GET", "/version")
            return answer

    def info(self) -> dict[str, Any]:
        """Answer of GET /info: DockerRootDir, Driver, NCPU, MemTotal."""
        what = "asking where the engine keeps its images"
        with self.asking(what):
            answer: dict[str, Any] = self._http.ask(what, "GET", "/info")
            return answer

    def builder(self) -> str:
        """`buildkit` or `classic`: what the engine builds with. (Engine API, `Builder-Version` of GET /_ping)"""
        with self.asking("asking the engine for its builder"):
            hello = self._http.hello()
        default, podman = hello.get("Builder-Version", ""), "Libpod-Api-Version" in hello
        # without the header: 20.10 and before, whose BuildKit only waits to be asked
        return "buildkit" if default == "2" or (not default and not podman) else "classic"

    def build(self, context: Iterable[bytes], query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """POST /build of a tar: the entries of the answer's stream as they come, errors of the build among them.

        `query`: the parameters as the API names them. Ending the iteration early cancels the build."""
        what = "sending the build context"
        with self.asking(what):
            yield from self._http.post(what, "/build", query, context)

    def session(self, shared_key: str, methods: Methods) -> BuildKitSession:
        """On which BuildKit asks for what a build needs, until it is closed.

        `shared_key`: what it got under this key before, it need not get again where size and time are the same."""
        from bedplate.clients import buildkit_session

        name = os.urandom(12).hex()
        says = {"Uuid": name, "Name": "bedplate", "Sharedkey": shared_key}
        headers = [(f"X-Docker-Expose-Session-{what}", value) for what, value in says.items()]
        headers += [(buildkit_session.SERVES, method) for method in methods]
        with self.asking("opening a session for a build"):
            connection, begun = self._http.upgrade("/session", "h2c", headers)
        return buildkit_session.BuildKitSession(name, connection, begun, methods)

    # ---- images

    def image(self, ref: str) -> dict[str, Any] | None:
        """What GET /images/<ref>/json says; None: not there."""
        what = f"looking for image {ref}"
        return self._found(lambda: self._image(what, ref), what)

    def tag(self, ref: str, new_ref: str) -> None:
        """`new_ref`: name:tag."""
        name, _, tag = new_ref.rpartition(":")
        what = f"tagging {ref} as {new_ref}"
        with self.asking(what):
            self._http.ask(what, "POST", f"/images/{quote(ref, '/:@')}/tag", repo=name, tag=tag)

    def pull(self, ref: str, platform: str | None, auth: Login | None, log: Log) -> str:
        """Image id. What the protocol calls temporary is tried again for two minutes."""
        from bedplate.clients import docker_transfer

        return docker_transfer.pull(self, ref, platform, auth, log)

    def push(self, ref: str, auth: Login | None, log: Log) -> str | None:
        """`ref`: name:tag. The digest as the engine says it, None where it does not: ask the registry.

        What the protocol calls temporary is tried again for two minutes."""
        from bedplate.clients import docker_transfer

        return docker_transfer.push(self, ref, auth, log)

    def remove_image(self, ref: str) -> None:
        """Takes the name away, and the image where it was the last one. One that is not there is no error."""
        what = f"removing image {ref}"
        self._found(lambda: self._http.ask(what, "DELETE", f"/images/{quote(ref, '/:@')}"), what)

    # ---- containers

    def container(self, name: str) -> dict[str, Any] | None:
        """What GET /containers/<name>/json says; None: not there."""
        return self._found(lambda: self.api.inspect_container(name), f"looking for container {name}")

    def create(
        self,
        name: str,
        image: str,
        command: list[str] | None = None,
        environment: Mapping[str, str] | None = None,
        ports: Mapping[int, tuple[str, int | None]] | None = None,
        labels: Mapping[str, str] | None = None,
        memory: str | None = None,
        restart: str | None = None,
    ) -> str:
        """Container id; the container is not started. `ports`: container port -> (host address, host port or None
        for a spare one). `memory`: as `docker run --memory` takes it. `restart`: `unless-stopped`, ..."""
        published = {port: (host, number) if number else (host,) for port, (host, number) in (ports or {}).items()}
        with self.asking(f"creating container {name}"):
            settings = self.api.create_host_config(
                port_bindings=published, mem_limit=memory, restart_policy={"Name": restart} if restart else None
            )
            made = self.api.create_container(
                image,
                command,
                name=name,
                environment=dict(environment or {}),
                ports=list(published),
                labels=dict(labels or {}),
                host_config=settings,
            )
        return str(made["Id"])

    def put(self, container: str, path: str, tar: Iterable[bytes] | bytes) -> None:
        """Unpacks a tar below `path`, a folder that is there."""
        with self.asking(f"copying files to {path} of container {container}"):
            self.api.put_archive(container, path, tar if isinstance(tar, bytes) else iter(tar))

    def get(self, container: str, path: str) -> bytes | None:
        """A tar of the file or folder; None: no such path or container."""
        return self._found(lambda: b"".join(self.api.get_archive(container, path)[0]), f"reading {path} of {container}")

    def start(self, container: str) -> None:
        """Where a port is taken: StepError that says by whom, and the container, never started, is removed."""
        try:
            with self.asking(f"starting container {container}"):
                self.api.start(container)
        except EngineError as error:
            from bedplate.clients import docker_ports

            taken = docker_ports.taken(self, container, error)
            if taken is None:
                raise
            self.remove(container, force=True)
            raise taken from None

    def stop(self, container: str, timeout: int) -> None:
        """`timeout`: seconds until it is killed. One that is not there is no error."""
        self._found(lambda: self.api.stop(container, timeout=timeout), f"stopping container {container}")

    def remove(self, container: str, force: bool) -> None:
        """With its anonymous volumes. One that is not there is no error."""
        self._found(lambda: self.api.remove_container(container, v=True, force=force), f"removing {container}")

    def rename(self, container: str, name: str) -> None:
        with self.asking(f"renaming container {container} to {name}"):
            self.api.rename(container, name)

    def logs(self, container: str, tail: int) -> str:
        """The last `tail` lines of both streams; "" if the container is not there."""
        found = self._found(lambda: self.api.logs(container, tail=tail), f"reading the log of {container}")
        return bytes(found or b"").decode(errors="replace")

    def port(self, container: str, container_port: int) -> int | None:
        """The host's port that this one is published at; None while it is not."""
        found = self.container(container) or {}
        published = (found.get("NetworkSettings", {}).get("Ports") or {}).get(f"{container_port}/tcp")
        return int(published[0]["HostPort"]) if published else None

    def set_restart(self, container: str, policy: str) -> None:
        """POST /containers/{id}/update. Raises EngineError also where an engine (Podman 4) has no such call."""
        what = f"changing the restart policy of container {container}"
        try:
            with self.asking(what):
                self.api.update_container(container, restart_policy={"Name": policy})
        except EngineError as error:
            if error.status == 404 and self.container(container) is not None:
                raise lacks(what, self.address) from None
            raise

    def wait(self, container: str, timeout: float) -> int | None:
        """Exit code; None: still running after `timeout` seconds."""
        from requests.exceptions import ConnectionError, ReadTimeout

        with self.asking(f"waiting for container {container}"):
            try:
                return int(self.api.wait(container, timeout=timeout)["StatusCode"])
            except (ReadTimeout, ConnectionError) as error:
                if "timed out" not in str(error).lower():
                    raise
                return None

    # ---- for the modules beside this one

    def asking(self, what: str) -> AbstractContextManager[None]:
        """What the engine refuses in this block becomes a StepError that begins with `what`."""
        return asking(what, self.address)

    def _image(self, what: str, ref: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.ask(what, "GET", f"/images/{quote(ref, '/:@')}/json")
        return answer

    def _found(self, ask: Callable[[], T], what: str) -> T | None:
        try:
            with self.asking(what):
                return ask()
        except EngineError as error:
            if error.status == 404:
                return None
            raise


def _open(address: str) -> Any:
    from docker import APIClient
    from docker.tls import TLSConfig

    folder, tls = docker_host.certificates(), None
    if folder and address.startswith("tcp://"):
        files = [str(folder / name) for name in ("cert.pem", "key.pem", "ca.pem")]
        tls = TLSConfig(client_cert=(files[0], files[1]), ca_cert=files[2], verify=True)
    ssh = address.startswith("ssh://")
    api = APIClient(base_url=address, version="auto", timeout=CONNECT_S, tls=tls or False, use_ssh_client=ssh)
    api.timeout = ANSWER_S
    return api
