"""The sign-in of a login server: one token for all who ask, another when it is withdrawn, and refusals."""

# ruff: noqa: F811 -- fixtures are imported by name

from __future__ import annotations

from pathlib import Path

import pytest

from bedplate.clients.azure import server_sign_in
from bedplate.clients.azure.client import Azure
from bedplate.clients.azure.patience import Patience
from bedplate.clients.credentials import Login, anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import StepError
from bedplate.model import Registry, Workspace, WorkspaceRegistry
from tests.azure.conftest import standin  # noqa: F401  # a fixture
from tests.azure.signed_in import sign_in
from tests.azure.standin import StandIn

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
EXCHANGE = "/oauth2/exchange"


@pytest.fixture
def azure(standin: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Azure:
    sign_in(standin, monkeypatch, tmp_path / "az")
    return Azure(Workspace(None, "rg", "demo"), Patience(5, 20, 6))


def credentials(azure: Azure, server: str) -> server_sign_in.Credentials:
    entry = WorkspaceRegistry("token", None)
    return server_sign_in.credentials(azure, entry, Registry("acr", server, insecure=False), anonymous)


def test_a_login_that_is_withdrawn_in_the_middle_is_had_anew(standin: StandIn, azure: Azure) -> None:
    server = standin.add_registry("standinacr").login_server
    registry = OciRegistry(Registry("acr", server, insecure=False), credentials(azure, server))
    registry.digest("demo/one", "v1")
    standin.registry_tokens.expire()
    registry.digest("demo/another", "v1")
    assert len(standin.recorder.matching("POST", EXCHANGE)) == 2


def test_a_refusal_is_asked_for_once_by_all_who_want_to_sign_in(standin: StandIn, azure: Azure) -> None:
    given = credentials(azure, standin.add_registry("standinacr").login_server)
    standin.faults.login_refused()
    for _ in range(3):
        with pytest.raises(StepError, match="^POST https://.*/oauth2/exchange: 401 UNAUTHORIZED: ") as refused:
            given()
        assert f'--assignee {standin.client} --role "AcrPush" --scope /subscriptions/' in refused.value.hint
    assert len(standin.recorder.matching("POST", EXCHANGE)) == 2  # the second with a new token of Entra's


def test_a_login_server_that_is_not_there_is_told_with_what_was_asked(azure: Azure) -> None:
    with pytest.raises(StepError, match="^POST https://127.0.0.1:1/oauth2/exchange: connection refused") as refused:
        credentials(azure, "127.0.0.1:1")()
    assert refused.value.hint.startswith("127.0.0.1:1 is the registry's login server, as Azure names it")


def test_a_token_in_the_place_of_a_password_is_shown_nowhere(standin: StandIn, azure: Azure) -> None:
    login = credentials(azure, standin.add_registry("standinacr").login_server)()
    assert isinstance(login, Login) and login.password.reveal() not in repr(login)
