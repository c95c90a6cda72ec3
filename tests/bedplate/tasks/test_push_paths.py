"""What `doit check` says of an account that may not put images where the target wants them."""

# ruff: noqa: F811 -- fixtures are imported by name

from __future__ import annotations

from pathlib import Path

import pytest
from registries import PASSWORD, USER, issuer, real_registry

import steps
from bedplate import specfile
from bedplate.checks.finding import Finding
from bedplate.clients.connections import Connections
from bedplate.model import Registry
from bedplate.reads import Reads
from bedplate.stat_cache import StatCache
from bedplate.tasks import push_paths
from tests.azure.conftest import judged_azure, prism, standin  # noqa: F401  # fixtures
from tests.azure.standin import StandIn
from tests.bedplate.tasks.test_pull_paths import OTHER, OWN, Check, check  # noqa: F401  # fixtures


@pytest.mark.judges
def test_an_account_that_may_only_pull_is_told_the_role_that_it_lacks(judged_azure: StandIn, check: Check) -> None:
    registry = judged_azure.add_registry("standinacr", may=frozenset({"pull"}))
    judged_azure.add_workspace("demo", registry)
    found, notes = check(judged_azure, OWN)
    assert list(found) == ["PushRefused"]
    told = found["PushRefused"]
    assert told.weight == "error"
    assert told.mistake.message == (
        f"{judged_azure.client} may not push to {registry.login_server}/demo/base: its token grants pull alone"
    )
    assert told.mistake.hint == (
        "the role 'AcrPush' is missing: "
        f'`az role assignment create --assignee {judged_azure.client} --role "AcrPush" --scope {registry.id}`'
    )
    assert any("answers, signed in by token" in note for note in notes), "which it does: it may pull"


def test_a_managed_identity_is_not_named_as_if_it_were_a_principal(standin: StandIn, check: Check) -> None:
    standin.add_registry("otheracr", may=frozenset({"pull"}))
    standin.add_workspace("demo", standin.add_registry("standinacr"))
    found, _ = check(standin, OTHER, how="managed_identity")
    assert "--assignee PRINCIPAL" in found["PushRefused"].mistake.hint


def test_a_token_of_the_registrys_own_needs_its_scope_map(
    standin: StandIn, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.add_workspace("demo", standin.add_registry("standinacr"))
    other = standin.add_registry("otheracr", admin_enabled=True, may=frozenset({"pull"}))
    monkeypatch.setenv("ACR_PASSWORD", other.passwords[0])
    account = (
        "{kind: acr, name: otheracr, sign_in: service_principal, username: otheracr, password: {env: ACR_PASSWORD}}"
    )
    found, _ = check(standin, account)
    told = found["PushRefused"].mistake
    assert told.message.startswith("otheracr may not push to ")
    assert "content/write in its scope map" in told.hint and other.passwords[0] not in str(told)


def test_whoever_may_not_ask_where_to_upload_to_may_not_build(standin: StandIn, check: Check) -> None:
    registry = standin.add_registry("standinacr")
    standin.add_workspace("demo", registry)
    action = "Microsoft.ContainerRegistry/registries/listBuildSourceUploadUrl/action"
    standin.faults.forbidden("listBuildSourceUploadUrl", action, registry.id)
    found, _ = check(standin, OWN)
    assert list(found) == ["PushRefused"]
    assert "403 AuthorizationFailed" in found["PushRefused"].mistake.message
    assert '--role "Container Registry Tasks Contributor" --scope' in found["PushRefused"].mistake.hint


TEXT = """
version: 1
project: demo
images: {{base: {{rootfs: {{suite: bookworm}}}}, more: {{rootfs: {{suite: bookworm}}}}}}
targets: {{team: {{registry: {registry}}}}}
"""


def find(folder: Path, registry: str) -> list[Finding]:
    (folder / "pipeline.yaml").write_text(TEXT.format(registry=registry), encoding="utf-8")
    spec = specfile.load(folder / "pipeline.yaml", None)
    reads = Reads(folder, StatCache(folder / "cache"), lambda reference, platform: "")
    from bedplate.tasks.machine import Heard

    clients = Connections(folder, spec, Heard(), reads, False, {})
    tasks = [task for step in steps.load().values() for task in step.tasks(spec)]
    address = spec.target.registry.address  # type: ignore[union-attr]  # it is generic
    return list(push_paths.find(spec, tasks, Registry("generic", address, insecure=False), clients))


@pytest.mark.engine
def test_a_stranger_is_told_how_to_sign_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("TEAM_PASSWORD", PASSWORD)
    with issuer(tmp_path) as tokens, real_registry(tmp_path, **tokens.settings) as address:
        (found,) = find(tmp_path, f"{{kind: generic, address: {address}/team}}")
        assert found.mistake.message == (
            f"nobody is signed in, and a stranger may not push to {address}/team/demo/base and 1 more: "
            "its token grants pull alone"
        )
        assert f"`docker login {address}`" in found.mistake.hint
        account = f"username: {USER}, password: {{env: TEAM_PASSWORD}}"
        assert find(tmp_path, f"{{kind: generic, address: {address}/team, {account}}}") == []
        pushes = [path for _, path, _ in tokens.requests if "push" in path]
        assert len(pushes) == 4 and all("team%2Fdemo%2F" in path for path in pushes)


@pytest.mark.engine
def test_a_registry_that_says_nothing_beforehand_is_not_accused(tmp_path: Path) -> None:
    with real_registry(tmp_path) as address:
        assert find(tmp_path, f"{{kind: generic, address: {address}}}") == []
