"""All of Azure through a proxy, with a real one: what goes through it, what does not, and one that cannot be used."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.azure.bad_day import BadDay
from tests.azure.conftest import echoing
from tests.azure.judges.programs import CannotInstall, venv_python
from tests.azure.standin import StandIn, docker_registry

pytestmark = [
    pytest.mark.engine,  # the stand-in's builds
    pytest.mark.judges,
    pytest.mark.long,
    pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed"),
]
PROXY = "proxy.py==2.4.10"
ACCOUNT = "me:geheim77"
NAMES = Path(__file__).parent / "standin" / "names"
BLOBS = "mlstorage.blob.localhost"


@contextmanager
def proxying(log: Path, *options: str) -> Iterator[int]:
    """Port of a running proxy, which writes each connection to `log`."""
    try:
        python = venv_python(PROXY)
    except CannotInstall as reason:
        pytest.skip(f"{PROXY} cannot be installed: {reason}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [python, "-m", "proxy", "--hostname", "127.0.0.1", "--port", str(port), "--num-workers", "1", *options]
    environ = {**os.environ, "PYTHONPATH": str(NAMES)}
    with open(log, "wb") as file, subprocess.Popen(command, stdout=file, stderr=file, env=environ) as process:
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                with socket.socket() as there:
                    if there.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()


def through(url: str, without: str = "") -> dict[str, str]:
    named = {"https_proxy": url, "http_proxy": url, "no_proxy": without}
    return {**named, **{name.upper(): value for name, value in named.items()}}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BadDay]:
    with echoing() as url, StandIn() as azure:
        yield BadDay(tmp_path_factory.mktemp("proxies"), azure, url)


def test_all_goes_through_the_proxy_but_what_needs_none(day: BadDay, tmp_path: Path) -> None:
    log = tmp_path / "proxy.log"
    arm, registry = day.azure.url.removeprefix("https://"), day.registry.login_server
    with proxying(log) as port:
        day.doit(**through(f"http://127.0.0.1:{port}"))
        seen = log.read_text(encoding="utf-8")
        assert arm in seen or arm.replace(":", " ") in seen
        assert registry.rpartition(":")[2] in seen and BLOBS in seen
        before = len(seen)
        day.edit("code")
        day.doit(**through(f"http://127.0.0.1:{port}", "127.0.0.1"))
        after = log.read_text(encoding="utf-8")[before:]
        assert arm not in after
    assert day.traffic and day.deployments == list(day.traffic)


def test_a_proxy_that_wants_an_account_gets_the_one_of_its_address_and_nobody_else_sees_it(
    day: BadDay, tmp_path: Path
) -> None:
    day.edit("code")
    with proxying(tmp_path / "log", "--basic-auth", ACCOUNT) as port:
        said = day.doit(code=1, **through(f"http://me:falsch88@127.0.0.1:{port}"))
        assert f"the proxy http://127.0.0.1:{port} cannot be used: Tunnel connection failed: 407" in said
        assert "hint: it wants an account: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT" in said
        assert "falsch88" not in said and not any("falsch88" in _text(path) for path in day.root.rglob("*"))
        said = day.doit(**through(f"http://{ACCOUNT}@127.0.0.1:{port}"))
        assert "geheim77" not in said and not any("geheim77" in _text(path) for path in day.root.rglob("*"))
    assert day.shown(said) == []


@pytest.mark.parametrize("silent", [False, True])
def test_a_proxy_that_does_not_answer_is_named_and_the_next_run_goes_on(day: BadDay, silent: bool) -> None:
    day.edit("code")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        if silent:
            nobody.listen(50)
        port = nobody.getsockname()[1]
        said = day.doit(code=1, **through(f"http://127.0.0.1:{port}"))
    word = f"no answer in time through the proxy http://127.0.0.1:{port}" if silent else "cannot be used: Connection"
    assert word in said and "hint: correct HTTPS_PROXY, or name this host in NO_PROXY if it needs no proxy" in said
    assert "Traceback" not in said
    day.doit()


def test_an_authority_of_ones_own_is_trusted_wherever_azure_is_reached(day: BadDay) -> None:
    day.edit("base", "model", "code")
    environ = {**day.environ}
    try:
        for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE"):
            day.environ.pop(name, None)
        said = day.doit()
    finally:
        day.environ.update(environ)
    assert "iris at https://" in said


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
