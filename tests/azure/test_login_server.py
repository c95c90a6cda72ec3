"""The login server in front of docker-registry: tokens of the stand-in, real clients, a real push."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.azure.client import Client
from tests.azure.standin import Registry, StandIn, docker_registry

EMPTY = "00000000-0000-0000-0000-000000000000"
needs_program = pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed")


def refresh_token(client: Client, registry: Registry) -> str:
    form = {"grant_type": "access_token", "service": registry.login_server, "tenant": client.standin.tenant}
    form["access_token"] = client.token
    url = f"https://{registry.login_server}/oauth2/exchange"
    return str(requests.post(url, form, verify=client.standin.ca).json()["refresh_token"])


def test_nobody_comes_in_without_a_token(standin: StandIn) -> None:
    registry = standin.add_registry("standinacr")
    answer = requests.get(f"https://{registry.login_server}/v2/", verify=standin.ca)
    realm = f'Bearer realm="https://{registry.login_server}/oauth2/token",service="{registry.login_server}"'
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, realm)


def test_a_registry_behind_a_firewall_says_who_may_come_in(standin: StandIn) -> None:
    registry = standin.add_registry("standinacr")
    standin.faults.network_restricted()
    answer = requests.get(f"https://{registry.login_server}/v2/", verify=standin.ca)
    assert answer.status_code == 403
    assert "https://aka.ms/acr/firewall" in answer.json()["errors"][0]["message"]


@needs_program
def test_a_token_gives_no_more_than_the_roles(standin: StandIn) -> None:
    registry = standin.add_registry("standinacr", program=True, may=frozenset({"pull"}))
    form = {"grant_type": "refresh_token", "service": registry.login_server, "scope": "repository:a/b:pull,push"}
    form["refresh_token"] = refresh_token(Client(standin), registry)
    verify = standin.ca
    token = requests.post(f"https://{registry.login_server}/oauth2/token", form, verify=verify).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    base = f"https://{registry.login_server}/v2/a/b"
    assert requests.get(f"{base}/tags/list", headers=headers, verify=verify).status_code == 404  # none yet, but allowed
    refused = requests.post(f"{base}/blobs/uploads/", headers=headers, verify=verify)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")


def test_a_refresh_token_that_has_expired_is_refused(standin: StandIn) -> None:
    registry = standin.add_registry("standinacr")
    form = {"grant_type": "refresh_token", "service": registry.login_server, "scope": "repository:a:pull"}
    form["refresh_token"] = refresh_token(Client(standin), registry)
    url = f"https://{registry.login_server}/oauth2/token"
    assert requests.post(url, form, verify=standin.ca).status_code == 200
    standin.registry_tokens.expire()
    assert requests.post(url, form, verify=standin.ca).status_code == 401


@pytest.fixture
def image() -> Iterator[str]:
    """A small image in the engine, under a name of its own."""
    name = f"judge-{uuid.uuid4().hex[:8]}:v1"
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a"), io.BytesIO(b""))
    subprocess.run(["docker", "import", "-", name], input=content.getvalue(), check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "rmi", "-f", name], check=False, capture_output=True)


@pytest.mark.engine
@pytest.mark.judges
@needs_program
@pytest.mark.parametrize("who", ["refresh token", "service principal", "admin"])
def test_the_engine_signs_in_pushes_and_pulls(standin: StandIn, image: str, tmp_path: Path, who: str) -> None:
    registry = standin.add_registry("standinacr", program=True, admin_enabled=True)
    user, password = {
        "refresh token": (EMPTY, refresh_token(Client(standin), registry)),
        "service principal": (standin.client, standin.tokens.secret),
        "admin": ("standinacr", registry.passwords[1]),
    }[who]
    environ = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}

    def docker(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", *args], env=environ, capture_output=True, text=True, timeout=120, **more)  # type: ignore[call-overload, no-any-return]

    reference = f"{registry.login_server}/judge/{image}"
    docker("tag", image, reference)
    try:
        refused = docker("push", reference)
        assert refused.returncode == 1
        assert "authentication required" in refused.stdout + refused.stderr
        wrong = docker("login", registry.login_server, "-u", user, "--password-stdin", input="wrong")
        assert wrong.returncode == 1
        signed_in = docker("login", registry.login_server, "-u", user, "--password-stdin", input=password)
        assert "Login Succeeded" in signed_in.stdout, signed_in.stderr
        pushed = docker("push", reference)
        assert pushed.returncode == 0, pushed.stderr
        docker("rmi", reference)
        assert docker("pull", reference).returncode == 0
    finally:
        docker("rmi", "-f", reference)
