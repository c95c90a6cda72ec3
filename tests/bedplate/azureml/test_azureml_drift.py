"""Differences between what was asked for and what Azure has, as values."""

from __future__ import annotations

from typing import Any

import pytest

from bedplate.azureml import commands, drift

WS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


def asked(**properties: Any) -> dict[str, Any]:
    return {"tags": {}, "sku": {"capacity": 1}, "properties": properties}


@pytest.mark.parametrize(
    ("setting", "wanted", "held", "said"),
    [
        ("instanceType", "Standard_DS3_v2", "Standard_F2s_v2", "instance_type: Standard_F2s_v2"),
        ("model", f"{WS}/models/iris/versions/2", f"{WS}/models/iris/versions/1", "model: iris:1"),
        ("appInsightsEnabled", True, False, "app_insights_enabled: false"),
        ("livenessProbe", {"initialDelay": "PT10S"}, None, "liveness_probe.initial_delay: nothing"),
        ("scaleSettings", {"scaleType": "Default"}, {"scaleType": "TargetUtilization"}, "scale_settings.type: target"),
        ("requestSettings", {"requestTimeout": "PT5S"}, {"requestTimeout": "PT0.5S"}, "request_timeout_ms: 500 in"),
        ("environmentVariables", {}, {"A_b": "1"}, "environment_variables.A_b: 1 in Azure, nothing in the spec"),
    ],
)
def test_a_difference_is_said_in_the_words_of_the_spec(setting: str, wanted: Any, held: Any, said: str) -> None:
    found = {**asked(**{setting: held}), "tags": {"of": "others"}}
    (difference,) = drift.of_deployment("d", asked(**{setting: wanted}), found)
    assert said in str(difference)


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        ("PT90S", "PT1M30S"),
        ("P1DT1S", "PT24H1S"),
        (f"{WS}/codes/c/versions/1", f"{WS.lower()}/codes/c/versions/1"),
    ],
)
def test_the_same_written_otherwise_is_the_same(wanted: str, held: str) -> None:
    assert drift.of_deployment("d", asked(x=wanted), asked(x=held)) == []


def test_what_was_not_asked_for_is_not_judged() -> None:
    assert (
        drift.of_deployment("d", asked(), asked(provisioningState="Succeeded", livenessProbe={"period": "PT1S"})) == []
    )


@pytest.mark.parametrize("part", ["sku", "tags"])
def test_what_a_patch_changes_makes_no_other_deployment(part: str) -> None:
    body = {**asked(instanceType="x"), "location": "here"}
    assert drift.fixed(body) == drift.fixed({**body, part: {"another": 1}})
    assert drift.fixed(body) != drift.fixed({**body, "location": "there"})


def test_the_command_that_shows_a_thing_names_all_it_needs() -> None:
    assert commands.show(f"{WS}/onlineEndpoints/iris/deployments/v-1") == (
        "az ml online-deployment show --name v-1 --endpoint-name iris"
        " --workspace-name w --resource-group g --subscription s"
    )
    assert commands.show(f"{WS}/onlineEndpoints/iris").startswith("az ml online-endpoint show --name iris --work")
    assert commands.show("/subscriptions/s/x") == "az resource show --ids /subscriptions/s/x"
