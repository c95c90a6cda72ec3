"""smoke_test: a service that answers is seen to answer as the spec expects."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import Deployment, SmokeCase, SmokeReport, Spec
from bedplate.questions import Answers, Question
from bedplate.step import Clients, Given, Task, Tree

LINES = 40  # of the service's log, where the engine has one
UP_WITHIN_S = 30.0  # deploy has seen it ready: this is for a service that is just being started again


@dataclass(frozen=True)
class Inputs:
    service: str
    cases: tuple[SmokeCase, ...]


def tasks(spec: Spec) -> Iterable[Task]:
    if spec.target.deploy is None:
        return
    for service in spec.services.values():
        sent = sorted({case.request.file for case in service.smoke_test if case.request.file is not None})
        yield Task(
            "smoke_test",
            service.name,
            Inputs(service.name, service.smoke_test),
            files=tuple(Tree(path) for path in sent),
            needs=(f"deploy:{service.name}",),
        )


def run(inputs: Inputs, given: Given, clients: Clients) -> SmokeReport:
    """Asks every case, and raises StepError with all that was wrong; "not up" ends it at the first."""
    deployed = given.one(Deployment)
    if deployed.url is None:
        clients.log.note("nothing to do: this target serves nothing, it writes files")
        return SmokeReport(inputs.service, ())
    if not inputs.cases:
        clients.log.note(f"nothing to do: service {inputs.service} has no smoke_test")
        return SmokeReport(inputs.service, ())
    from bedplate import smoke
    from bedplate.clients.endpoint import Endpoint

    headers = _sign_in(deployed, clients)
    wrong: list[str] = []
    hint = ""
    until = time.monotonic() + UP_WITHIN_S
    with Endpoint(direct=deployed.kind == "container") as endpoint:
        for case in inputs.cases:
            message = smoke.message(case, deployed.url, clients.root, headers)
            outcome = smoke.outcome(case, message, endpoint.send, until)
            clients.log.note(str(outcome))
            wrong += [f"'{case.name}': {problem}" for problem in outcome.problems]
            hint = hint or outcome.hint
            if outcome.problems and outcome.answer is None:
                break
    if wrong:
        several = len(wrong) > 1
        what = f"{len(wrong)} things are not as expected" if several else f"smoke test {wrong[0]}"
        raise StepError(
            f"{inputs.service} at {deployed.url}: {what}",
            hint or "mend the service, or `smoke_test` in pipeline.yaml",
            "\n".join([*(wrong if several else ()), *_log(deployed, clients)]),
        )
    return SmokeReport(inputs.service, tuple(case.name for case in inputs.cases))


def asks(output: SmokeReport, spec: Spec) -> Sequence[Question]:
    return ()


def present(output: SmokeReport, answers: Answers) -> str | None:
    return None


def _sign_in(deployed: Deployment, clients: Clients) -> dict[str, str]:
    """Asked for each time: a key is kept nowhere."""
    if deployed.kind != "online_endpoint":
        return {}
    from bedplate.clients import azureml_scoring

    endpoint = deployed.name.partition("/")[0]
    return azureml_scoring.sign_in(clients.azure, f"{clients.azure.workspace_id}/onlineEndpoints/{endpoint}")


def _log(deployed: Deployment, clients: Clients) -> list[str]:
    """The last lines of the container's log, after a line that says so; none where there is none to be had."""
    if deployed.kind != "container":
        return []
    try:
        log = clients.engine.logs(deployed.name, LINES).strip()
    except StepError:
        return []
    return [f"the last lines of container {deployed.name}:", *log.splitlines()] if log else []
