"""The Resource Manager's client: sign-in, refusals, what is tried again, long operations, uploads."""

# ruff: noqa: F811 -- fixtures are imported by name

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bedplate.clients.azure import operations, versions
from bedplate.clients.azure.client import Azure
from bedplate.clients.azure.patience import Patience
from bedplate.errors import StepError
from bedplate.model import Workspace
from tests.azure.conftest import judged_azure, prism, standin  # noqa: F401  # fixtures
from tests.azure.signed_in import KeptLog, sign_in
from tests.azure.standin import StandIn

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
WORKSPACE = Workspace(None, "rg", "demo")
QUICK = Patience(5, 20, 6)
Signed = Callable[..., Azure]


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Signed:
    def signed(azure: StandIn, how: str = "service_principal", subscription: str | None = None) -> Azure:
        sign_in(azure, monkeypatch, tmp_path / "az", how)
        return Azure(Workspace(subscription, "rg", "demo"), QUICK)

    return signed


@pytest.mark.judges
@pytest.mark.parametrize("how", ["service_principal", "user", "managed_identity"])
def test_everybody_whom_az_has_signed_in_can_read_the_workspace(
    judged_azure: StandIn, signed: Signed, how: str
) -> None:
    judged_azure.add_workspace("demo", judged_azure.add_registry("standinacr"))
    azure = signed(judged_azure, how)
    found = azure.get(azure.workspace_id, versions.ML)
    assert found and found["properties"]["containerRegistry"].endswith("/registries/standinacr")
    assert azure.get(azure.workspace_id + "x", versions.ML) is None


def test_nobody_signed_in_is_one_line_and_the_command(standin: StandIn, signed: Signed) -> None:
    with pytest.raises(StepError) as refused:
        _ = signed(standin, "nobody").subscription
    assert str(refused.value) == "nobody is signed in to Azure (cloud StandIn)\n  hint: `az login`"


def test_a_subscription_that_is_not_there_is_named_with_those_that_are(standin: StandIn, signed: Signed) -> None:
    with pytest.raises(StepError, match="subscription other is none of those .* Stand-in"):
        _ = signed(standin, subscription="other").subscription


def test_the_subscription_of_the_spec_may_be_a_name(standin: StandIn, signed: Signed) -> None:
    assert signed(standin, subscription="stand-in").subscription == standin.subscription


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("AADSTS700082: The refresh token has expired due to inactivity.", "az login --tenant"),
        ("AADSTS90002: Tenant 'x' not found.", "az account list"),
        ("AADSTS7000222: The provided client secret keys are expired.", "az login --service-principal"),
    ],
)
def test_a_refused_sign_in_says_what_entra_said_and_the_command(
    standin: StandIn,
    signed: Signed,
    said: str,
    hint: str,
) -> None:
    azure = signed(standin)
    standin.tokens.refuse = said
    with pytest.raises(StepError) as refused:
        azure.get(azure.workspace_id, versions.ML)
    assert said in refused.value.message and hint in refused.value.hint
    assert standin.tokens.secret not in str(refused.value)


@pytest.mark.parametrize("how", ["service_principal", "user", "managed_identity"])
def test_a_token_that_expires_in_the_middle_is_replaced(standin: StandIn, signed: Signed, how: str) -> None:
    standin.add_workspace("demo")
    azure = signed(standin, how)
    assert azure.get(azure.workspace_id, versions.ML)
    standin.tokens.expire()
    assert azure.get(azure.workspace_id, versions.ML)


def test_a_401_that_stays_is_tried_once_more_only(standin: StandIn, signed: Signed) -> None:
    azure = signed(standin)
    standin.faults.refuse("workspaces/demo", 401, "InvalidAuthenticationToken", "No.", times=None)
    with pytest.raises(StepError, match="401 InvalidAuthenticationToken") as refused:
        azure.get(azure.workspace_id, versions.ML)
    assert "az login" in refused.value.hint
    assert len(standin.recorder.matching("GET", "workspaces/demo")) == 2


def test_a_missing_role_is_named_with_the_command_that_gives_it(standin: StandIn, signed: Signed) -> None:
    azure = signed(standin)
    action = "Microsoft.MachineLearningServices/workspaces/environments/versions/write"
    standin.faults.forbidden("environments", action, "/subscriptions/s/x")
    with pytest.raises(StepError, match="403 AuthorizationFailed") as refused:
        azure.put(f"{azure.workspace_id}/environments/a/versions/1", {"properties": {}}, versions.ML)
    assert "az role assignment create --assignee 2222" in refused.value.hint
    assert '--role "AzureML Data Scientist" --scope /subscriptions/s/x' in refused.value.hint


def test_a_group_that_is_not_there_is_no_missing_workspace(standin: StandIn, signed: Signed) -> None:
    azure = signed(standin)
    with pytest.raises(StepError, match="404 ResourceGroupNotFound") as refused:
        azure.get(azure.workspace_id.replace("/rg/", "/nowhere/"), versions.ML)
    assert "az group list" in refused.value.hint


def test_what_a_missing_workspace_would_hold_is_no_missing_thing_of_its(standin: StandIn, signed: Signed) -> None:
    azure = signed(standin)
    standin.azure.groups.add((standin.subscription.lower(), "rg"))
    assert azure.get(azure.workspace_id, versions.ML) is None
    with pytest.raises(StepError, match="404 ResourceNotFound: The Resource '.*workspaces/demo'") as refused:
        azure.get(f"{azure.workspace_id}/datastores/workspaceblobstore", versions.ML)
    assert refused.value.hint.startswith("correct `workspace:`; `az resource list -g rg ")
    standin.add_workspace("demo")
    assert azure.get(f"{azure.workspace_id}/datastores/other", versions.ML) is None


@pytest.mark.parametrize("kind", ["throttled", "unavailable"])
def test_what_is_temporary_is_tried_again_when_the_service_says(standin: StandIn, signed: Signed, kind: str) -> None:
    standin.add_workspace("demo")
    azure = signed(standin)
    getattr(standin.faults, kind)("workspaces/demo", times=1, retry_after=1)
    assert azure.get(azure.workspace_id, versions.ML)
    first, second = (e.at for e in standin.recorder.matching("GET", "workspaces/demo"))
    assert second - first >= 1


def test_what_stays_temporary_ends_at_the_deadline(standin: StandIn, signed: Signed) -> None:
    azure = signed(standin)
    standin.faults.throttled("workspaces/demo", times=50, retry_after=9)
    with pytest.raises(StepError, match="429 TooManyRequests") as refused:
        azure.get(azure.workspace_id, versions.ML)
    assert "run again later" in refused.value.hint


def test_a_dropped_connection_is_tried_again_but_not_for_a_post(standin: StandIn, signed: Signed) -> None:
    standin.add_workspace("demo")
    azure = signed(standin)
    standin.faults.cut("workspaces/demo$", times=1)
    assert azure.get(azure.workspace_id, versions.ML)
    standin.faults.cut("scheduleRun", times=1)
    with pytest.raises(StepError):
        azure.post(f"{azure.workspace_id}/scheduleRun", {}, versions.TASKS)
    assert len(standin.recorder.matching("POST", "scheduleRun")) == 1


def test_quota_is_said_in_the_words_that_azure_hides(standin: StandIn, signed: Signed) -> None:
    azure = signed(standin)
    standin.faults.quota()
    with pytest.raises(StepError, match="Not enough quota available for Standard_DS3_v2") as refused:
        azure.put(f"{azure.workspace_id}/onlineEndpoints/e/deployments/d", {}, versions.ML)
    assert "instance_type" in refused.value.hint and "{" not in refused.value.message


def test_a_host_that_is_not_there_is_said_at_once(
    standin: StandIn,
    signed: Signed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    azure = signed(standin)
    azure.token(azure.sign_in.account.scope)

    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(StepError, match="no such host") as refused:
        azure.get(azure.workspace_id, versions.ML)
    assert "is the Resource Manager of cloud StandIn (`az cloud show` names it)" in refused.value.hint


def test_a_sign_in_service_that_is_not_there_is_said_with_its_cloud(
    standin: StandIn, signed: Signed, tmp_path: Path
) -> None:
    azure = signed(standin)
    clouds = tmp_path / "az/clouds.config"
    text = clouds.read_text(encoding="utf-8")
    clouds.write_text(text.replace(standin.url, "https://nowhere.invalid"), encoding="utf-8")
    with pytest.raises(StepError, match="no such host: nowhere.invalid") as refused:
        azure.token("https://elsewhere/.default")
    assert "nowhere.invalid is the sign-in service of cloud StandIn" in refused.value.hint
    assert "\n" not in refused.value.message and "Max retries" not in refused.value.message


@pytest.mark.parametrize(
    ("named", "said"), [("127.0.0.1:9", "Connection refused"), ("nowhere.invalid:3128", "not known")]
)
def test_a_proxy_that_cannot_be_used_is_named_and_not_taken_for_the_host(
    standin: StandIn, signed: Signed, monkeypatch: pytest.MonkeyPatch, named: str, said: str
) -> None:
    azure = signed(standin)
    azure.token(azure.sign_in.account.scope)
    known = socket.getaddrinfo

    def resolve(host: str, *args: object, **kwargs: object) -> object:
        if str(host).endswith(".invalid"):  # whatever this machine's resolver makes of it
            raise socket.gaierror(-2, "Name or service not known")
        return known(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:s3cr3t@{named}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(StepError, match=f"the proxy http://{named} cannot be used: .*{said}") as refused:
        azure.get(azure.workspace_id, versions.ML)
    assert "HTTPS_PROXY" in refused.value.hint and "s3cr3t" not in str(refused.value)
    standin.add_workspace("demo")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert azure.get(azure.workspace_id, versions.ML)


def test_an_authority_that_is_not_trusted_names_the_variable(
    standin: StandIn,
    signed: Signed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    azure = signed(standin)
    azure.token(azure.sign_in.account.scope)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(StepError, match="certificate not trusted") as refused:
        azure.get(azure.workspace_id, versions.ML)
    assert "REQUESTS_CA_BUNDLE" in refused.value.hint


def test_a_bundle_of_authorities_that_is_not_there_is_told_with_its_variable(
    standin: StandIn, signed: Signed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    azure = signed(standin)
    azure.token(azure.sign_in.account.scope)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(StepError, match="gone.pem") as refused:
        azure.get(azure.workspace_id, versions.ML)
    assert "correct REQUESTS_CA_BUNDLE" in refused.value.hint


def test_the_token_goes_to_the_resource_manager_only(standin: StandIn, signed: Signed) -> None:
    with pytest.raises(StepError, match="the token is not sent there"):
        signed(standin).get("https://elsewhere.example/x", "")


@pytest.mark.judges
def test_a_long_operation_is_followed_to_its_resource(
    judged_azure: StandIn,
    signed: Signed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "PAUSE_S", 0.05)
    judged_azure.add_workspace("demo")
    azure, log = signed(judged_azure), KeptLog()
    place = f"{azure.workspace_id}/onlineEndpoints/iris"
    body = {"location": "westeurope", "properties": {"authMode": "Key"}}
    made = azure.wait(azure.put(place, body, versions.ML), "endpoint iris", log)
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert log.lines == ["endpoint iris: InProgress"]
    assert azure.settled(place, versions.ML, "endpoint iris", log) == made
    assert azure.wait(azure.delete(place, versions.ML), "endpoint iris", log) == {}
    assert azure.settled(place, versions.ML, "endpoint iris", log) is None


@pytest.mark.parametrize(
    ("ends", "said"), [("Failed", "failed in Azure: BadThing: why"), ("Canceled", "was cancelled")]
)
def test_an_operation_that_ends_badly_is_an_error_with_its_code(
    standin: StandIn,
    signed: Signed,
    monkeypatch: pytest.MonkeyPatch,
    ends: str,
    said: str,
) -> None:
    monkeypatch.setattr(operations, "PAUSE_S", 0.05)
    standin.add_workspace("demo")
    azure = signed(standin)
    standin.operations.end_next("onlineEndpoints/iris", ends, "BadThing", "why")
    body = {"location": "westeurope", "properties": {"authMode": "Key"}}
    begun = azure.put(f"{azure.workspace_id}/onlineEndpoints/iris", body, versions.ML)
    with pytest.raises(StepError, match=said):
        azure.wait(begun, "endpoint iris", KeptLog())


def test_an_operation_that_takes_too_long_says_that_azure_goes_on(
    standin: StandIn,
    signed: Signed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "PAUSE_S", 0.05)
    standin.add_workspace("demo")
    azure = signed(standin)
    standin.operations.hold("onlineEndpoints/iris")
    body = {"location": "westeurope", "properties": {"authMode": "Key"}}
    begun = azure.put(f"{azure.workspace_id}/onlineEndpoints/iris", body, versions.ML)
    with pytest.raises(StepError, match="not done after 0 s; Azure goes on"):
        azure.wait(begun, "endpoint iris", KeptLog(), timeout_s=0.3)


def test_azure_is_not_imported_before_it_is_asked() -> None:
    program = (
        "import sys; from bedplate.clients.azure.client import Azure; Azure(None);"
        "print([m for m in sys.modules if m.startswith(('azure', 'msal', 'requests'))])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
