"""azureml.drift: where what Azure has is not what was asked for, by the names that the spec has for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from bedplate.azureml import bodies
from bedplate.frozen import dataclass

Body: TypeAlias = Mapping[str, Any]  # JSON

# wire name -> name in the spec, where it is not the same in other letters
NAMES = {
    "sku.capacity": "instance_count",
    "environmentId": "environment",
    "codeConfiguration.codeId": "code",
    "codeConfiguration.scoringScript": "entry_script",
    "endpointComputeType": "compute",
    "scaleSettings.scaleType": "scale_settings.type",
    "requestSettings.requestTimeout": "request_settings.request_timeout_ms",
    "requestSettings.maxQueueWait": "request_settings.max_queue_wait_ms",
}
# values that the spec has in its own letters
WORDS = {
    "authMode": {wire: word for word, wire in bodies.AUTH.items()},
    "identity.type": {wire: word for word, wire in bodies.IDENTITY.items()},
    "scaleSettings.scaleType": {wire: word for word, wire in bodies.SCALE.items()},
    "publicNetworkAccess": {"Enabled": "enabled", "Disabled": "disabled"},
    "egressPublicNetworkAccess": {"Enabled": "enabled", "Disabled": "disabled"},
}
WHOLE = ("environmentVariables", "mirrorTraffic")  # maps in which nobody else's entries are expected
ENDED_BADLY = ("Failed", "Canceled")  # the last change of a deployment, which may serve all the same
IN_PLACE = ("sku", "tags")  # what a PATCH changes (2024-04-01, PartialMinimalTrackedResourceWithSku)


@dataclass(frozen=True)
class Difference:
    """`where`: `deployment v-0123 of endpoint iris`; `setting`: its name in the spec; "" on a side: it has none."""

    where: str
    setting: str
    spec: str
    azure: str

    def __str__(self) -> str:
        return f"{self.where}: {self.setting}: {self.azure or 'nothing'} in Azure, {self.spec or 'nothing'} in the spec"


def fixed(body: Body) -> Body:
    """The part of a deployment that makes it another one: all but what can change while it serves."""
    properties = {key: value for key, value in body["properties"].items() if key != "scaleSettings"}
    return {**{key: body[key] for key in body if key not in IN_PLACE}, "properties": properties}


def of_deployment(where: str, asked: Body, found: Body) -> list[Difference]:
    """Settings that the body `asked` has and Azure's document `found` has not so. What was not asked for is not judged.

    The number of instances is not where something scales it."""
    scaled = (asked["properties"].get("scaleSettings") or {}).get("scaleType") == "TargetUtilization"
    sku = {} if scaled else {"capacity": asked["sku"].get("capacity")}
    differ = list(_differences(where, {"sku": sku, "tags": asked["tags"], **asked["properties"]}, _flat(found)))
    state = str((found.get("properties") or {}).get("provisioningState") or "")
    return [*differ, Difference(where, "state", "Succeeded", state)] if state in ENDED_BADLY else differ


def of_endpoint(where: str, asked: Body, found: Body) -> list[Difference]:
    """As `of_deployment`, for an endpoint; traffic is another question."""
    told = {key: value for key, value in asked["properties"].items() if key != "traffic"}
    identity = {"identity": {"type": asked["identity"]["type"]}}
    return list(_differences(where, {"tags": asked["tags"], **identity, **told}, _flat(found)))


def of_environment(where: str, asked: Body, found: Body) -> list[Difference]:
    told = {key: asked["properties"].get(key) for key in ("image", "inferenceConfig") if asked["properties"].get(key)}
    return list(_differences(where, told, _flat(found)))


def setting(difference: Difference) -> str:
    """The part of a deployment that it is about, `tags` of `tags.team`."""
    return difference.setting.partition(".")[0]


def _flat(found: Body) -> Body:
    return {**{key: found.get(key) for key in ("sku", "tags", "identity")}, **(found.get("properties") or {})}


def _differences(where: str, asked: Body, found: Body, above: str = "") -> Iterator[Difference]:
    for key, value in asked.items():
        path, there = above + key, (found or {}).get(key)
        if isinstance(value, Mapping):
            there = there if isinstance(there, Mapping) else {}
            yield from _differences(where, value, there, f"{path}.")
            if path in WHOLE:
                more = [name for name in there if name not in value and there[name] != 0]  # of mirrored traffic: none
                yield from (Difference(where, _name(f"{path}.{name}"), "", str(there[name])) for name in more)
        elif not _same(value, there):
            yield Difference(where, _name(path), _shown(path, value), _shown(path, there))


def _name(path: str) -> str:
    if path in NAMES:
        return NAMES[path]
    first, dot, rest = path.partition(".")
    said = re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", first)
    own = first in ("tags", *WHOLE)  # the user's own names
    return said + dot + (rest if own else re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", rest))


def _same(asked: Any, there: Any) -> bool:
    if isinstance(asked, str) and isinstance(there, str):
        if _seconds(asked) is not None:
            return _seconds(asked) == _seconds(there)
        ids = asked.startswith("/") or asked.startswith("azureml:")
        return asked.lower() == there.lower() if ids else asked == there
    return bool(asked == there)


def _shown(path: str, value: Any) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text in WORDS.get(path, {}):
        return WORDS[path][text]
    seconds = _seconds(text)
    if seconds is not None:
        return f"{seconds * 1000:g}" if _name(path).endswith("_ms") else f"{seconds:g}"
    found = re.search(r"/(?:environments|models|codes)/([^/]+)/versions/([^/]+)$", text)
    if found:  # a code has one version, and its content is its name
        return found[1][:16] if "/codes/" in text else f"{found[1]}:{found[2]}"
    return text.rpartition("/")[2] if text.startswith("/subscriptions/") else text


def _seconds(text: str) -> float | None:
    """Of a duration (ISO 8601); None: it is none."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", text)
    if not found or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
