"""connections: the outside world as one task sees it (`step.Clients`), each part opened when first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bedplate.errors import StepError
from bedplate.log import Log
from bedplate.model import AcrRegistry, AcrTasksBuilder, Registry, Spec, WorkspaceRegistry
from bedplate.pins import NAME as LOCK
from bedplate.seen import Seen
from bedplate.step import DockerfileFiles

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure
    from bedplate.clients.docker_engine import Engine
    from bedplate.clients.oci_registry import OciRegistry
    from bedplate.clients.upstream import Upstream
    from bedplate.context import Recipe
    from bedplate.reads import Reads

T = TypeVar("T")


class Connections:
    """`shared` holds what all tasks of a run use together: it is handed to each task's Connections."""

    def __init__(self, root: Path, spec: Spec, log: Log, reads: Reads, again: bool, shared: dict[Any, Any]) -> None:
        self.root = root
        self.spec = spec
        self.log = log
        self.again = again
        self._reads = reads
        self._shared = shared
        self._lock: threading.RLock = shared.setdefault("lock", threading.RLock())

    @property
    def yes(self) -> bool:
        return bool(self._shared.get("yes"))

    @property
    def engine(self) -> Engine:
        def connect() -> Engine:
            from bedplate.clients import docker_host
            from bedplate.clients.docker_engine import Engine

            return Engine(docker_host.address())

        return self._once("engine", connect)

    @property
    def azure(self) -> Azure:
        def connect() -> Azure:
            from bedplate.clients.azure.client import Azure

            return Azure(self.spec.target.workspace)

        return self._once("azure", connect)

    def registry(self, registry: Registry) -> OciRegistry:
        def connect() -> OciRegistry:
            from bedplate.clients.credentials import credentials
            from bedplate.clients.oci_registry import OciRegistry

            entry = self.spec.target.registry
            if isinstance(entry, (AcrRegistry, WorkspaceRegistry)):
                from bedplate.clients.azure import registry as azure_registry
                from bedplate.clients.azure import server_sign_in

                entry = azure_registry.entry_of(entry, registry)
            found = credentials(entry, registry.address, self.root, ("targets", self.spec.target.name, "registry"))
            if isinstance(entry, (AcrRegistry, WorkspaceRegistry)):
                found = server_sign_in.credentials(self.azure, entry, registry, found)
            return OciRegistry(registry, found)

        # two entries of one address are one registry to the steps, but not to whoever speaks to it
        return self._once((registry.address, registry.insecure, registry.kind == "acr"), connect)

    @property
    def upstream(self) -> Upstream:
        def connect() -> Upstream:
            from bedplate.clients.upstream import Upstream, registry_of

            engine = None if isinstance(self.spec.target.builder, AcrTasksBuilder) else self.engine
            return Upstream(lambda ref: self.registry(registry_of(ref, self.spec)), engine)

        return self._once("upstream", connect)

    @property
    def seen(self) -> Seen:
        return self._once("seen", lambda: Seen(self.root / ".bedplate" / "cache" / "labels"))

    def pinned(self, reference: str, platform: str) -> str:
        return self.upstream.pinned(reference, self.locked(reference, platform))

    def locked(self, reference: str, platform: str) -> str:
        digest = self._reads.pin(reference, platform)
        if digest:
            return digest
        # a run takes every digest before its first task, and goes on without some if asked to
        why = self._shared.get("unpinned", {}).get((reference, platform))
        raise why or StepError(f"{reference} ({platform}) is not in {LOCK}", "`doit lock` takes its digest")

    def recipe(self, files: DockerfileFiles) -> Recipe:
        return self._reads.recipe(files)

    def _once(self, key: object, connect: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._shared:
                self._shared[key] = connect()
            made: T = self._shared[key]
            return made
