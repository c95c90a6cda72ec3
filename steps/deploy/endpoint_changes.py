"""endpoint_changes: endpoints and deployments of Azure ML made, changed in place and removed, each to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bedplate import labels
from bedplate.azureml import bodies as azureml_bodies
from bedplate.azureml import commands, drift
from bedplate.clients.azure.client import Azure, Reply
from bedplate.clients.azure.versions import ML
from bedplate.errors import StepError
from bedplate.log import Log

Body = dict[str, Any]  # JSON
Allow = Callable[[str], None]  # given the change in words; raises StepError where it is not to be made


def made_endpoint(azure: Azure, place: str, body: Body, log: Log, allow: Allow) -> Body:
    """The endpoint as Azure has it in the end. One of this project's is changed where the spec has changed; one of

    somebody else's is taken as it is, if it is of the kind that the spec names. `allow` is asked before one that serves
    is changed. Raises StepError."""
    what = _what(place)
    found = _settled(azure, place, log)
    if found is None:
        log.note(f"creating {what}")
        return _put(azure, place, body, log)
    _check_compute(what, found, body)
    differ = drift.of_endpoint(what, body, found)
    failed = _state(found) == "Failed"  # its last change: what it serves it may go on serving
    if not differ and not failed:
        return found
    settings = ", ".join(sorted(one.setting for one in differ))
    if (found.get("tags") or {}).get(labels.PROJECT) != body["tags"][labels.PROJECT]:
        if differ:
            log.note(f"{what} was made elsewhere, and is left as it is: {settings} differ")
        return found
    if differ and serving(found):
        allow(f"change {settings} while {', '.join(serving(found))} serves")
    log.note(f"changing {what}: {settings}" if differ else f"{what}: its last change had failed: put again")
    traffic = found["properties"].get("traffic") or {}
    wanted = {**body, "tags": {**(found.get("tags") or {}), **body["tags"]}}
    return _put(azure, place, {**wanted, "properties": {**body["properties"], "traffic": traffic}}, log)


def made_deployment(azure: Azure, place: str, body: Body, log: Log, allow: Allow | None) -> None:
    """The deployment as `body` has it. What Azure changes in one that runs is changed there. Raises StepError.

    `allow` is asked before that; None: it has no traffic."""
    what = _what(place)
    found = _settled(azure, place, log)
    if found is not None and _state(found) == "Succeeded":
        _changed(azure, place, body, found, log, allow)
        return
    if found is not None and allow is None:  # one with traffic cannot be removed: it is mended in place
        removed(azure, place, log)
    log.note(f"creating {what} at 0 % traffic")
    _put(azure, place, body, log)


def removed(azure: Azure, place: str, log: Log) -> None:
    """Once nothing works on it any more: an earlier run that was killed may have begun something there."""
    if _settled(azure, place, log) is None:
        return
    with azure.under_way.going_on(f"removing {_what(place)}", commands.show(place)):
        azure.wait(azure.delete(place, ML), f"removing {_what(place)}", log)


def moved(azure: Azure, endpoint: str, traffic: Mapping[str, int], log: Log) -> None:
    """`traffic`: per cent by deployment; all of it, no more."""
    # as it is now: another may have changed it since
    found = _settled(azure, endpoint, log) or {}
    what = f"moving the traffic of {_what(endpoint)} to {', '.join(traffic)}"
    with azure.under_way.going_on(what, commands.show(endpoint)):
        begun = azure.put(endpoint, azureml_bodies.with_traffic(found, traffic), ML)
        azure.wait(begun, f"traffic of {_what(endpoint)}", log)


def serving(endpoint: Mapping[str, Any]) -> dict[str, int]:
    """The deployments with traffic, in lower case, and their per cent."""
    traffic = (endpoint.get("properties") or {}).get("traffic") or {}
    return {name.lower(): share for name, share in traffic.items() if share}


def _changed(azure: Azure, place: str, body: Body, found: Body, log: Log, allow: Allow | None) -> None:
    what = _what(place)
    differ = drift.of_deployment(what, body, found)
    if not differ:
        log.note(f"{what} is there")
        return
    if allow is not None:
        allow(f"change {', '.join(sorted(one.setting for one in differ))} of {place.rpartition('/')[2]}, which serves")
    for one in differ:
        log.note(f"{what}: {one.setting} {one.azure or 'not set'} -> {one.spec or 'not set'}")
    tags = {**(found.get("tags") or {}), **body["tags"]}  # those of others stay
    with azure.under_way.going_on(f"changing {what}", commands.show(place)):
        if all(drift.setting(one) in ("instance_count", "tags") for one in differ):
            begun: Reply = azure.patch(place, {"tags": tags, "sku": body["sku"]}, ML)
        else:
            begun = azure.put(place, {**body, "tags": tags}, ML)
        azure.wait(begun, f"changing {what}", log)


def _settled(azure: Azure, place: str, log: Log) -> Body | None:
    with azure.under_way.going_on(_what(place), commands.show(place)):
        return azure.settled(place, ML, _what(place), log)


def _put(azure: Azure, place: str, body: Body, log: Log) -> Body:
    with azure.under_way.going_on(f"creating {_what(place)}", commands.show(place)):
        return azure.wait(azure.put(place, body, ML), _what(place), log)


def _check_compute(what: str, found: Body, body: Body) -> None:
    told = str(found["properties"].get("compute") or "").rpartition("/")[2]
    wanted = str(body["properties"].get("compute") or "").rpartition("/")[2]
    if told.lower() != wanted.lower():
        has = f"runs on compute {told}" if told else "is a managed one"
        hint = "set `compute` to that, or `endpoint` to another name"
        raise StepError(f"{what} {has}, and the spec asks for {wanted or 'a managed one'}", hint)


def _what(place: str) -> str:
    """For people: `deployment v-0123 of endpoint iris`."""
    endpoint, _, deployment = place.rpartition("/onlineEndpoints/")[2].partition("/deployments/")
    return f"deployment {deployment} of endpoint {endpoint}" if deployment else f"endpoint {endpoint}"


def _state(found: Body) -> str:
    return str(found["properties"].get("provisioningState") or "")
