"""What `doit plan --remote` says of Azure, and how it is mended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bedplate.azureml.drift import Difference
from bedplate.tasks import remote
from bedplate.tasks.remote import Drift


@pytest.mark.parametrize(("protect", "yes"), [(False, ""), (True, " --yes")])
def test_each_task_that_mends_what_differs_has_a_command_of_its_own(protect: bool, yes: str) -> None:
    fresh = SimpleNamespace(fresh=True)
    verdicts = {"create_environment:iris": fresh, "deploy:iris": fresh}
    by_name = {name: SimpleNamespace(step=name.partition(":")[0]) for name in verdicts}
    spec = SimpleNamespace(target=SimpleNamespace(protect=protect))
    session: Any = SimpleNamespace(command="doit -t azure", verdicts=verdicts, by_name=by_name, spec=spec)
    differ = (Difference("here", "traffic", "a", "b"),)
    said = remote.lines(session, [Drift(name, differ) for name in verdicts])
    assert said[-1] == (
        f"`doit -t azure run -a -s create_environment:iris && doit -t azure run -a -s{yes} deploy:iris` "
        "makes it as the spec says"
    )
