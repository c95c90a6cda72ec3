"""Secrets are taken out of what is written, in every form that builds print them in."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from bedplate import hidden
from bedplate.builders import host_settings
from bedplate.errors import StepError
from bedplate.secrets import Secret
from bedplate.tasks.console import Console

WORD = 'p@ss/w"rd'


@pytest.mark.parametrize("form", [WORD, quote(WORD, safe=""), json.dumps(WORD)[1:-1]])
def test_a_secret_is_hidden_as_it_is_and_as_urls_and_json_have_it(form: str) -> None:
    assert hidden.without(f"see {form}.") == f"see {form}."
    Secret(WORD)
    assert hidden.without(f"see {form}.") == "see ***."


def test_a_proxys_password_is_hidden_wherever_env_or_curl_shows_it() -> None:
    hidden.learn_addresses([f"http://puser:{quote(WORD, safe='')}@proxy.example:3128"])
    pair = base64.b64encode(f"puser:{WORD}".encode()).decode()
    shown = hidden.without(f"http_proxy=http://puser:{quote(WORD, safe='')}@proxy.example:3128\nBasic {pair}\n{WORD}")
    assert shown == "http_proxy=http://***@proxy.example:3128\nBasic ***\n***"


@pytest.mark.parametrize("address", ["http://u:pw@h:1", "u:pw@h:1"])
def test_a_short_password_is_hidden_in_its_address_alone(address: str) -> None:
    hidden.learn_addresses([address])
    assert "pw" not in hidden.without(f"proxy={address}")
    assert hidden.without("pwd") == "pwd"


def test_a_token_for_a_name_is_hidden_and_git_is_not() -> None:
    hidden.learn_addresses(
        ["https://abcdef0123456789@pypi.example/simple ssh://git@example.org/x", "https://t0k3n-t0k3n:@h"]
    )
    assert hidden.without("abcdef0123456789 git t0k3n-t0k3n") == "*** git ***"


def test_each_line_of_a_key_is_hidden() -> None:
    Secret("-----BEGIN\nAAAABBBB\n-----END")
    assert hidden.without("#7 0.1 AAAABBBB") == "#7 0.1 ***"


def test_what_a_build_is_handed_from_this_machine_is_known(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    proxies = {"default": {"httpProxy": "http://u:of-docker@proxy.example:3128"}}
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"proxies": proxies}))
    (tmp_path / ".pip").mkdir()
    (tmp_path / ".pip" / "pip.conf").write_text("[global]\nindex-url = https://u:of-pip@pypi.example/simple\n")
    host_settings.read({"HTTPS_PROXY": "http://u:of-proxy@proxy.example:3128"}, tmp_path, tmp_path)
    assert hidden.without("of-docker of-pip of-proxy") == "*** *** ***"


def test_neither_terminal_nor_log_nor_a_failures_detail_shows_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden.learn_addresses(["http://puser:s3cr3t-w0rd@proxy.example:3128"])
    console = Console(sys.stdout)
    with console.task("build_base:x", tmp_path / "x.log") as log:
        log.line("#5 http_proxy=http://puser:s3cr3t-w0rd@proxy.example:3128")
        log.note("\x1b[1ms3cr3t-w0rd\x1b[0m")
        log.keep(str(StepError("failed", "", "s3cr3t-w0rd")))
    written = capsys.readouterr().out + (tmp_path / "x.log").read_text()
    assert "s3cr3t" not in written and written.count("***") == 5
