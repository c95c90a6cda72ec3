"""targets: whether the parts of each target fit each other and the services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from bedplate import refs
from bedplate.mistakes import Mistakes, did_you_mean
from bedplate.specfile.places import Keys, at, key_at
from bedplate.yamlfile.nodes import Mapping as MappingNode
from bedplate.yamlfile.nodes import Node

Plain: TypeAlias = Mapping[str, Any]


def check(plain: Plain, root: Node, mistakes: Mistakes) -> None:
    """Notes every mistake; parts that the schema refused are passed over."""
    _environment_names(plain, root, mistakes)
    taken: dict[str, list[tuple[Node, Keys, str]]] = {}
    for name, target in plain.get("targets", {}).items():
        looking = _Target(plain, name, target, root, mistakes)
        looking.registry(target.get("registry", {}), ("targets", name, "registry"))
        looking.builder()
        looking.workspace()
        looking.ports(taken)
        looking.endpoint()
    for message, ((place, keys, hint), *more) in taken.items():
        too = f"; so in {', '.join('.'.join(other) for _, other, _ in more)}" if more else ""
        mistakes.add(place, f"{'.'.join(keys)}: {message}{too}", hint)


def _environment_names(plain: Plain, root: Node, mistakes: Mistakes) -> None:
    """Where an environment becomes an image, its name is part of a repository, and it must begin with an image."""
    targets = plain.get("targets", {})
    local = [name for name, target in targets.items() if _kind(target) == "local"]
    images: dict[str, str] = {}
    for name, environment in plain.get("environments", {}).items():
        # on Azure ML, packages of pip make an image of their own
        installed = {"image", "pip"} <= set(environment)
        becomes = local or [n for n, t in targets.items() if installed and _kind(t) == "azureml"]
        if not becomes:
            continue
        place = key_at(root, ("environments", name))
        image = name.lower()  # repositories are lower-case
        if not refs.valid_path(image):
            message = f"environments: '{name}' is no image name, and on target '{becomes[0]}' it becomes an image"
            mistakes.add(place, message, "letters and digits, parted by '.', '_', '__' or '-'")
        elif image in images:
            message = f"environments: '{name}' and '{images[image]}' become one image on target '{becomes[0]}'"
            mistakes.add(place, message, "give one another name")
        images[image] = name
        entry = at(root, ("environments", name))
        if len(local) == len(targets) and isinstance(entry, MappingNode) and not {"image", "from"} & set(entry.entries):
            message = f"environments.{name}: 'image' is missing"
            mistakes.add(place, message, "only on Azure there is a default image")


def _kind(target: Plain) -> str:
    """Of its environments."""
    return str(target.get("environment", {}).get("kind"))


class _Target:
    def __init__(self, plain: Plain, name: str, target: Plain, root: Node, mistakes: Mistakes) -> None:
        self.plain = plain
        self.keys: Keys = ("targets", name)
        self.target = target
        self.deploy: Plain = target.get("deploy", {})
        self._root = root
        self._mistakes = mistakes

    def registry(self, registry: Plain, keys: Keys) -> None:
        if "fallback" in registry:
            self.registry(registry["fallback"], (*keys, "fallback"))
        if "address" in registry:
            self._address(registry["address"], (*keys, "address"))
        if registry.get("sign_in") == "service_principal":
            for key in ("username", "password"):
                if not self._stands((*keys, key)):
                    hint = "a service principal signs in with both"
                    self._say(key_at(self._root, keys), keys, f"'{key}' is missing", hint)
        elif self._stands((*keys, "password")) and not self._stands((*keys, "username")):
            self._say(key_at(self._root, (*keys, "password")), keys, "'username' is missing", "a password needs one")
        elif self._stands((*keys, "username")) and not self._stands((*keys, "password")):
            self._say(key_at(self._root, (*keys, "username")), keys, "'password' is missing", "a username needs one")

    def builder(self) -> None:
        kind, registry = self.target.get("builder", {}).get("kind"), self.target.get("registry", {}).get("kind")
        if kind == "acr_tasks" and registry in ("local", "generic"):
            place = at(self._root, (*self.keys, "builder", "kind"))
            hint = "registry: {kind: acr, name: ...} or {kind: workspace}"
            self._say(place, self.keys, "ACR Tasks builds into an Azure registry only", hint)

    def workspace(self) -> None:
        if self._stands((*self.keys, "workspace")):
            return
        for part, kind in [("registry", "workspace"), ("environment", "azureml"), ("deploy", "online_endpoint")]:
            if self.target.get(part, {}).get("kind") == kind:
                hint = "write workspace: {resource_group: ..., name: ...}"
                message = f"'workspace' is missing: {part} {kind} needs it"
                self._say(key_at(self._root, self.keys), self.keys, message, hint)
                return

    def ports(self, twice: dict[str, list[tuple[Node, Keys, str]]]) -> None:
        """No two services, and no service and the registry, on one port of this machine.

        What several targets have alike is one mistake: `twice` gathers message -> place, keys, hint."""
        if self.deploy.get("kind") != "container":
            return
        keys = (*self.keys, "deploy")
        services = list(self.plain.get("services", {}))
        for name in self.deploy.get("ports", {}):
            if name not in services:
                hint = did_you_mean(name, [one for one in services if one not in self.deploy["ports"]])
                self._say(key_at(self._root, (*keys, "ports", name)), keys, f"there is no service '{name}'", hint)
        registry = self.target.get("registry", {})
        taken = {registry["port"]: "the local registry"} if "port" in registry else {}
        for name in services:
            port = self.deploy.get("ports", {}).get(name, self.deploy.get("port"))
            if port is None:
                continue
            if port in taken:
                own = (*keys, "ports", name)
                place = at(self._root, own if self._stands(own) else (*keys, "port"))
                message = f"port {port} is taken twice: by {taken[port]} and service '{name}'"
                hint = f"give one a port of its own: ports: {{{name}: {_free(port, taken)}}}"
                twice.setdefault(message, []).append((place, keys, hint))
            taken.setdefault(port, f"service '{name}'")

    def endpoint(self) -> None:
        if self.deploy.get("kind") != "online_endpoint":
            return
        keys, services = (*self.keys, "deploy"), list(self.plain.get("services", {}))
        if "endpoint" in self.deploy and len(services) > 1:
            place = at(self._root, (*keys, "endpoint"))
            self._say(place, keys, "one endpoint cannot serve several services", "leave it out: each has its own name")
        self._kind_of_compute(keys)
        if "from" in self.deploy:
            self._deployment_file(keys, services)
        elif "endpoint" not in self.deploy:
            for name in services:
                if not _ENDPOINT.fullmatch(name):
                    message = f"'{name}' is no endpoint name, and target '{self.keys[1]}' deploys it as one"
                    hint = "3 to 32 letters, digits and '-', beginning with a letter and not ending with '-'"
                    self._say(key_at(self._root, ("services", name)), ("services",), message, hint)
        if not any(self._stands((*keys, key)) for key in ("compute", "from", "instance_type")):
            place = key_at(self._root, keys)
            hint = "write instance_type: Standard_DS3_v2, or compute: NAME for Kubernetes"
            self._say(place, keys, "'instance_type' is missing", hint)

    def _kind_of_compute(self, keys: Keys) -> None:
        """Settings of the other kind, as the schemas of `az ml` have them."""
        compute = self.deploy.get("compute")
        for key in _KUBERNETES_ONLY if compute is None else _MANAGED_ONLY:
            if key in self.deploy and ("from" not in self.deploy or key in _BESIDE_A_FILE):
                wanted = "a Kubernetes compute, and 'compute' names none" if compute is None else "managed endpoints"
                hint = "take it out, or write compute: NAME" if compute is None else "take it out, or the compute"
                place = key_at(self._root, (*keys, key))
                self._say(place, keys, f"'{key}' is for {wanted}", hint)

    def _deployment_file(self, keys: Keys, services: list[str]) -> None:
        """What stands in it cannot stand here as well: one of them would be passed over without a word."""
        if len(services) > 1:
            place, hint = at(self._root, (*keys, "from")), "write the settings here: they are those of each service"
            self._say(place, keys, "one deployment file cannot serve several services", hint)
        above = at(self._root, keys)
        for key in above.entries if isinstance(above, MappingNode) else ():
            if key in self.deploy and key not in _BESIDE_A_FILE:
                name = "endpoint_name" if key == "endpoint" else key
                hint = f"take it out, and write {name} in {self.deploy['from']}"
                self._say(
                    key_at(self._root, (*keys, key)), keys, f"'{key}' is said by the file that 'from' names", hint
                )

    def _address(self, address: str, keys: Keys) -> None:
        place = at(self._root, keys)
        if "@" in address:
            self._mistakes.hide(address.partition("://")[2] or address)
            self._mistakes.hide(address.rpartition("@")[0].rpartition(":")[2])
            hint = "write the address alone, and username and password beside it: {env: NAME} or {file: PATH}"
            self._say(place, keys, "a password stands in the address", hint)
        elif "://" in address:
            hint = f"write {address.partition('://')[2].rstrip('/')}"
            plain_http = " and insecure: true" if address.startswith("http:") else ""
            self._say(place, keys, "an address has no http:// or https:// before it", hint + plain_http)
        else:
            host, _, path = address.partition("/")
            if not refs.valid_domain(host) or (path and not refs.valid_path(path)):
                self._say(place, keys, f"'{address}' is no address", "host[:port][/path], such as ghcr.io/team")
            elif not 0 < int(host.rpartition(":")[2] or 1 if ":" in host and not host.endswith("]") else 1) < 65536:
                self._say(place, keys, "the port is out of range: 1 to 65535")

    def _stands(self, keys: Keys) -> bool:
        """Whether the file has this key, with a right or a wrong value."""
        above = at(self._root, keys[:-1])
        return isinstance(above, MappingNode) and keys[-1] in above.entries

    def _say(self, place: Node, keys: Keys, message: str, hint: str = "") -> None:
        self._mistakes.add(place, f"{'.'.join(keys)}: {message}", hint)


def _free(port: int, taken: Mapping[int, str]) -> int:
    return next(p for p in range(port + 1, port + len(taken) + 2) if p not in taken) if port < 65000 else 8890


# of the endpoint, which a deployment file does not describe, and of how we deploy
_BESIDE_A_FILE = {
    *("kind", "from", "keep_previous", "compute"),
    *("auth_mode", "identity", "public_network_access", "tags", "description"),
}
_KUBERNETES_ONLY = ("resources",)
_MANAGED_ONLY = ("egress_public_network_access", "public_network_access")
_ENDPOINT = re.compile("[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]")
