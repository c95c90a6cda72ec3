"""What of this machine reaches a build, and that nothing of it stays in the image."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from building import Lines, all_bytes, files_of, request

from bedplate.builders import buildx, host_settings, image
from bedplate.clients.docker_engine import Engine

PEM = "-----BEGIN CERTIFICATE-----\nhost-ca-of-the-test\n-----END CERTIFICATE-----\n"


def pip_settings(settings: host_settings.HostSettings) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read_string(settings.extra_files.get(".bedplate-host/pip.conf", b"").decode())
    return {section: dict(parser.items(section)) for section in parser.sections()}


def test_a_machine_without_settings_hands_over_nothing(tmp_path: Path) -> None:
    assert host_settings.read({}, tmp_path, tmp_path) == host_settings.HostSettings()


def test_pip_is_told_what_it_would_be_told_here_but_for_paths_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "pip.conf").write_text(
        "[global]\nindex-url = https://a.example/simple\ntimeout = 5\ncert = /etc/ca.pem\nfind-links = /wheels\n"
    )
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").write_text(
        "[global]\nindex_url = https://u:pw@b.example/simple\n"
        "[install]\nextra-index-url =\n    file:///opt/simple\n    https://c.example/simple\n    http://localhost:9/s\n"
    )
    settings = host_settings.read({"PIP_DEFAULT_TIMEOUT": "60"}, tmp_path, tmp_path / "etc")
    assert pip_settings(settings) == {
        "global": {"index-url": "https://u:pw@b.example/simple", "timeout": "60"},
        "install": {"extra-index-url": "https://c.example/simple"},
    }
    assert any("localhost" in note for note in settings.notes)
    assert "pw" not in repr(settings)


def test_files_of_pip_are_left_aside_where_the_user_says_so(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://a.example/simple\n")
    assert pip_settings(host_settings.read({"PIP_CONFIG_FILE": "/dev/null"}, tmp_path, tmp_path)) == {}
    assert pip_settings(host_settings.read({}, tmp_path, tmp_path)) != {}


def test_a_proxy_of_this_machine_alone_is_named_without_its_password(tmp_path: Path) -> None:
    environ = {"http_proxy": "http://u:pw@127.0.0.1:3128", "HTTPS_PROXY": "http://u:pw@proxy.example:3128"}
    settings = host_settings.read({**environ, "NO_PROXY": "localhost"}, tmp_path, tmp_path)
    assert settings.args == {
        "HTTPS_PROXY": environ["HTTPS_PROXY"],
        "https_proxy": environ["HTTPS_PROXY"],
        "NO_PROXY": "localhost",
        "no_proxy": "localhost",
    }
    assert len(settings.notes) == 1 and "127.0.0.1:3128" in settings.notes[0] and "pw" not in settings.notes[0]


def test_a_bundle_that_cannot_be_read_is_named_and_the_next_is_taken(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    environ = {"SSL_CERT_FILE": str(tmp_path / "none"), "PIP_CERT": str(tmp_path / "ca.pem")}
    settings = host_settings.read(environ, tmp_path, tmp_path)
    assert settings.extra_files == {".bedplate-host/ca.pem": PEM.encode()}
    assert len(settings.notes) == 1 and str(tmp_path / "none") in settings.notes[0]


def test_only_stages_that_run_something_are_touched_and_lines_stay_those_of_the_file(tmp_path: Path) -> None:
    settings = host_settings.HostSettings(run_mounts=("--mount=M",), stage_lines=("ARG A=1", "ARG B=2"))
    text = "ARG X\nFROM a AS one\nCOPY x /\nFROM b\nrun one \\\n  two\nRUN <<EOF\nRUN three\nEOF\n"
    made = host_settings.applied(settings, request(tmp_path, text))
    assert made.dockerfile == (
        "ARG X\nFROM a AS one\nCOPY x /\nFROM b\nARG A=1\nARG B=2\nrun --mount=M one \\\n  two\n"
        "RUN --mount=M <<EOF\nRUN three\nEOF\n"
    )
    assert [made.lines.get(n, 0) for n in range(1, 13)] == [1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 9, 10]


@dataclass
class Clients:
    root: Path
    engine: Engine
    log: Lines


@pytest.mark.engine
@pytest.mark.parametrize("way", ["session", "posted", "client"])
def test_settings_reach_every_run_and_stay_nowhere(
    way: str, engine: Engine, os_image: str, tmp_path: Path, log: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*host_settings.CA_ALSO, *host_settings.PROXY_NAMES, "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    (tmp_path / "ca.pem").write_text(PEM)
    for name in host_settings.CA_NAMES:
        monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:p1p-password@index.example/simple")
    monkeypatch.setenv("http_proxy", "http://user:pr0xy-password@proxy.example:3128")
    if way == "client":
        if buildx.client() is None:
            pytest.skip("no docker client that speaks BuildKit is in PATH")
        monkeypatch.setattr(image, "MANY_FILES", -1)
    if way == "posted":
        monkeypatch.setattr(Engine, "has_sessions", False)
    checks = (  # none holds the text that it looks for: else the image's history would
        'test "$(id -un)" = nobody',
        "grep -q host-ca-of-the-tes[t] $SSL_CERT_FILE && grep -q host-ca-of-the-tes[t] $REQUESTS_CA_BUNDLE",
        "grep -q p1p-passwor[d] $PIP_CONFIG_FILE",
        "test $(echo $HTTP_PROXY $http_proxy | grep -o pr0xy-passwor[d] | wc -l) = 2",
        f"echo {way} >/tmp/out",
    )
    text = f"FROM {os_image}\nUSER nobody\nRUN {' && '.join(checks)}\nRUN true\nCOPY . /tmp/all/\n"
    wanted = request(tmp_path, text, {"x": "1"})
    clients: Any = Clients(tmp_path, engine, log)
    image.build(wanted, clients)
    try:
        content, found = all_bytes(engine, wanted.tag), engine.image(wanted.tag)
        for secret in ("p1p-password", "pr0xy-password", "host-ca-of-the-test"):
            assert secret.encode() not in content
            assert secret not in log.text
        before = files_of(engine, os_image)
        added = set(files_of(engine, wanted.tag)) - set(before)
        assert added == {"tmp/out", "tmp/all", "tmp/all/x"}
        base = engine.image(os_image)
        assert found and base and found["Config"]["Env"] == base["Config"]["Env"]
        assert ("buildx" in log.text or "docker build" in log.text) == (
            way == "client" or (way == "posted" and not engine.fetches_context)
        )
    finally:
        engine.remove_image(wanted.tag)
