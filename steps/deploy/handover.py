"""handover: a new container takes the place of the one that serves, once it has been seen to work."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

from bedplate import labels
from bedplate.errors import StepError
from bedplate.model import Environment
from bedplate.step import Clients, Given
from steps.deploy import interrupts
from steps.deploy.candidate import Candidate

if TYPE_CHECKING:
    from bedplate.clients.docker_engine import Engine
    from steps.deploy.container import Inputs

SERVICE = "dev.bedplate.service"
TRIAL, NEXT = "..trial", "..next"  # of the container's name; whose it is, its labels say
GRACE_S = 2  # for the requests under way when the port changes hands
BRIEFLY_S = 5.0  # for an answer of one that has been running all the time
REMOVED_WITHIN_S = 20.0
NAME_TAKEN = "is already in use by container"
KEPT = "unless-stopped"  # the restart policy of a container that has been seen to work, and of no other

# Any: what the engine says of a container is JSON


def deploy(inputs: Inputs, given: Given, environment: Environment, clients: Clients) -> tuple[str, str]:
    """Container name and scoring URL of a service that runs this version and answers. Raises StepError.

    1. Where one serves at this port, the new version is tried on a spare port first, with the smoke test.
    2. The container that will serve is made, its files in it, and not started.
    3. The old one is stopped, the new one started; if it does not answer, the old one is started again."""
    engine, name = clients.engine, inputs.container
    new = Candidate(inputs, given, environment, clients)
    for one in (name, name + NEXT):
        _wake(engine, one, inputs, clients)
    _tidy(engine, name, new)
    old = _ours(engine, name, inputs)
    if not clients.again and _adopted(engine, name, new, clients):
        return name, new.public_url
    _remove_ours(engine, name + NEXT, inputs.project, inputs.service)
    new.image()
    serving = old is not None and _running(old)
    contested = old is not None and serving and _published(old, inputs)
    with ExitStack() as changing_hands:
        try:
            if contested:
                with _trial(inputs, clients):
                    _create(engine, new, name + TRIAL, _labels(inputs, given), spare=True)
                    new.prove("on a spare port", smoke=True)
                new.remove()
            _create(engine, new, name + NEXT, _labels(inputs, given), spare=False)
            if contested:
                changing_hands.enter_context(interrupts.outlived(clients.log))
                engine.stop(name, GRACE_S)
            # where nothing served, smoke_test will say what is wrong with the first version
            new.prove(f"at {new.public_url}", smoke=serving and not contested)
        except BaseException as error:
            new.remove()
            raise _with_what_serves(error, _back(engine, name, new), inputs) from None
        _promote(engine, name)
    return name, new.public_url


def remove(engine: Engine, name: str, project: str, service: str) -> list[str]:
    """Names of the containers of this service that were there."""
    return [one for one in (name, name + NEXT, name + TRIAL) if _remove_ours(engine, one, project, service)]


def _trial(inputs: Inputs, clients: Clients) -> AbstractContextManager[None]:
    name = inputs.container + TRIAL
    return interrupts.taken_away(
        lambda: _remove_ours(clients.engine, name, inputs.project, inputs.service),
        lambda: clients.log.note(f"container {name} is taken away; the version before still serves"),
    )


def _wake(engine: Engine, name: str, inputs: Inputs, clients: Clients) -> None:
    """A paused container takes connections and never answers: nobody can be told whether it works."""
    found = engine.container(name)
    if found is not None and _is_of(found, inputs) and found["State"].get("Paused"):
        clients.log.note(f"container {name} is paused: it goes on")
        with engine.asking(f"letting container {name} go on"):
            engine.api.unpause(name)


def _tidy(engine: Engine, name: str, new: Candidate) -> None:
    """What an earlier run that was killed has left: finished where it was seen to work, else taken away."""
    _remove_ours(engine, name + TRIAL, new.inputs.project, new.inputs.service)
    found = engine.container(name + NEXT)
    if found is None or not _is_of(found, new.inputs):
        return
    if _proven(found):
        _promote(engine, name)
    elif not new.is_version(found):
        _remove(engine, name + NEXT)


def _adopted(engine: Engine, name: str, new: Candidate, clients: Clients) -> bool:
    """Has an earlier run put this version up: not recorded, stopped since, or killed on the way? Then it serves."""
    for one in (name, name + NEXT):
        found = engine.container(one)
        if found is None or not _is_of(found, new.inputs) or not new.is_version(found):
            continue
        if not _running(found):
            if not _proven(found):
                continue
            clients.log.note(f"container {one} has {found['State']['Status']}: started again")
            _start(engine, one)
        if new.answers(one):
            if one != name:
                _promote(engine, name)
            engine.set_restart(name, KEPT)
            _remove_ours(engine, name + NEXT, new.inputs.project, new.inputs.service)
            clients.log.note(f"container {name} runs this version: kept")
            return True
    return False


def _promote(engine: Engine, name: str) -> None:
    # in this order: killed in between, the next run finds a proven container and goes on
    engine.set_restart(name + NEXT, KEPT)
    _remove(engine, name)
    engine.rename(name + NEXT, name)


def _back(engine: Engine, name: str, new: Candidate) -> bool:
    """Does what served before serve? It is started where it has been stopped."""
    old = engine.container(name)
    if old is None or not _is_of(old, new.inputs):
        return False
    try:
        if _running(old):
            return new.answers(name, BRIEFLY_S)
        if _proven(old):
            _start(engine, name)
            return new.answers(name)
    except StepError:
        pass  # what went wrong first is what is told
    return False


def _with_what_serves(error: BaseException, serves: bool, inputs: Inputs) -> BaseException:
    if not isinstance(error, StepError):
        return error
    message = error.message
    if serves:
        message += f"; the version before still serves at {inputs.host}:{inputs.port}"
    return StepError(message, error.hint, error.detail)


def _ours(engine: Engine, name: str, inputs: Inputs) -> dict[str, Any] | None:
    found = engine.container(name)
    if found is not None and not _is_of(found, inputs):
        raise StepError(
            f"container name {name} is taken by a container that is not service {inputs.service} of {inputs.project}",
            f"`docker rename {name} ...` or `docker rm -f {name}`, or choose another project name",
        )
    return found


def _remove_ours(engine: Engine, name: str, project: str, service: str) -> bool:
    found = engine.container(name)
    if found is None or not _belongs(found, project, service):
        return False
    _remove(engine, name)
    return True


def _create(engine: Engine, new: Candidate, name: str, marks: Mapping[str, str], *, spare: bool) -> None:
    """A run that was killed may have asked for this container, and the engine made it only now: then it is removed."""
    until = time.monotonic() + REMOVED_WITHIN_S
    while True:
        try:
            return new.create(name, marks, spare=spare)
        except StepError as error:
            found = engine.container(name)
            late = found is None or _is_of(found, new.inputs)  # its name is taken some time before it can be seen
            if NAME_TAKEN not in error.message or not late or time.monotonic() > until:
                raise
            if found is not None:
                _remove(engine, name)
            time.sleep(0.05)


def _remove(engine: Engine, name: str) -> None:
    """Returns once it is gone, though the run that was killed may have asked for that before."""
    until = time.monotonic() + REMOVED_WITHIN_S
    while True:
        try:
            return engine.remove(name, force=True)
        except StepError as error:
            if "already in progress" not in error.message or time.monotonic() > until:
                raise
            time.sleep(0.05)


def _start(engine: Engine, name: str) -> None:
    # not Engine.start: that removes a container whose port is taken, and this one is to be kept
    with engine.asking(f"starting container {name} again"):
        engine.api.start(name)


def _labels(inputs: Inputs, given: Given) -> dict[str, str]:
    return {labels.PROJECT: inputs.project, SERVICE: inputs.service, labels.FINGERPRINT: given.fingerprint}


def _is_of(found: Mapping[str, Any], inputs: Inputs) -> bool:
    return _belongs(found, inputs.project, inputs.service)


def _belongs(found: Mapping[str, Any], project: str, service: str) -> bool:
    said = found["Config"].get("Labels") or {}
    return said.get(labels.PROJECT) == project and said.get(SERVICE) == service


def _running(found: Mapping[str, Any]) -> bool:
    return bool(found["State"].get("Running"))


def _proven(found: Mapping[str, Any]) -> bool:
    return (found["HostConfig"].get("RestartPolicy") or {}).get("Name") == KEPT


def _published(found: Mapping[str, Any], inputs: Inputs) -> bool:
    """Does it hold the port that the new version is to get? On which address makes no difference to most."""
    bound = (found["HostConfig"].get("PortBindings") or {}).values()
    return any(str(one.get("HostPort")) == str(inputs.port) for ports in bound for one in ports or ())
