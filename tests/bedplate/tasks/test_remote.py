"""What `doit plan --remote` says of Azure, and how it is mended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bedplate.azureml.drift import Difference
from bedplate.tasks import remote
from bedplate.tasks.remote import Drift


def test_each_task_that_mends_what_differs_has_a_command_of_its_own() -> None:
    fresh = SimpleNamespace(fresh=True)
    verdicts = {"create_environment:iris": fresh, "deploy:iris": fresh}
    session: Any = SimpleNamespace(command="doit -t azure", verdicts=verdicts)
    differ = (Difference("here", "traffic", "a", "b"),)
    said = remote.lines(session, [Drift(name, differ) for name in verdicts])
    assert said[-1] == (
        "`doit -t azure run -a -s create_environment:iris && doit -t azure run -a -s deploy:iris` "
        "makes it as the spec says"
    )
