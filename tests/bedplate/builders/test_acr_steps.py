"""A task for ACR Tasks says what a quick build would, whatever stands in its values."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.builders import acr_steps
from bedplate.builders.layout import DOCKERFILE, beside
from bedplate.dockerfile import reader
from bedplate.errors import StepError
from bedplate.step import BuildRequest, FileSet
from tests.azure.standin import task_file
from tests.azure.standin.task_file import Step

ADDRESS = "demo.azurecr.io"
TAG = "demo/base:fp-0123456789abcdef"
MOUNTS = "FROM a\nRUN --mount=type=secret,id=token make\n"
ARGUMENT = "FROM a\nARG TOKEN\nRUN --mount=type=cache,target=/c make\n"


def request(dockerfile: str, **more: Any) -> BuildRequest:
    facts: dict[str, Any] = {
        "image": "base",
        "tag": TAG,
        "dockerfile": dockerfile,
        "lines": {},
        "dockerfile_path": "Dockerfile",
        "file_set": FileSet(".", ()),
        "args": {},
        "target": None,
        "platform": "linux/amd64",
        "labels": {},
    }
    return BuildRequest(**(facts | more))


def sent(asked: BuildRequest, **secrets: str) -> dict[str, Any]:
    return acr_steps.steps(asked, asked.target, ".bedplate-host/Dockerfile", ADDRESS, 900, secrets)


def read(body: dict[str, Any]) -> list[Step]:
    return task_file.read(body, "ca1", ADDRESS)


# what would break a template, YAML or a shell stands beside text of all kinds
PIECES = [
    "{{",
    "}}",
    "{{.Run.ID}}",
    "<no value>",
    "$HOME",
    "$(id)",
    "`id`",
    "'",
    '"',
    "\\",
    "\n",
    "\r\n",
    " ",
    "#",
    ": ",
]
VALUES = st.lists(
    st.sampled_from([*PIECES, "-t", "-f", "--target", ";", "&", "|", "*", "~", "!", "%", ",", "\t", "\x85", "\ufeff"])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
).map("".join)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.sampled_from([None, "one"]))
def test_every_argument_arrives_as_it_is_however_it_is_read(args: dict[str, str], target: str | None) -> None:
    asked = request(MOUNTS, args=args, target=target)
    try:
        build, push = read(sent(asked))
    except StepError as refused:
        assert any("\0" in v or set(v.split()) & {"-t", "--tag", "--target"} for v in args.values()), refused
        return
    arguments = [f"{name}={value}" for name, value in args.items()]
    flags = [word for one in arguments for word in ("--build-arg", one)]
    meant = [*flags, "--platform", "linux/amd64", *(["--target", target] if target else [])]
    assert list(build.words) == [*meant, "-t", f"{ADDRESS}/{TAG}", "-f", ".bedplate-host/Dockerfile", "."]
    assert push.push == (f"{ADDRESS}/{TAG}",) and build.timeout == push.timeout == 900


@given(VALUES)
def test_a_secret_argument_arrives_as_it_is_and_stands_in_the_secret_values_alone(secret: str) -> None:
    try:
        body = sent(request(ARGUMENT), TOKEN=f"geheim{secret}")
    except StepError as refused:
        assert "geheim" not in str(refused)
        return
    (value,) = body["values"]
    assert value["isSecret"] is True
    assert b"geheim" not in base64.b64decode(body["encodedTaskContent"])
    build, _ = read(body)
    assert build.words[:2] == ("--build-arg", f"TOKEN=geheim{secret}")


def test_a_simple_secret_is_sent_as_it_is_so_that_the_service_can_hide_it_in_its_log() -> None:
    assert [value["value"] for value in sent(request(ARGUMENT), TOKEN="geheim-1.2_3")["values"]] == ["geheim-1.2_3"]


def test_a_mounted_secret_reaches_the_build_by_the_environment_of_its_step() -> None:
    body = sent(request(MOUNTS), token="Z2VoZWlt+/==")
    build, _ = read(body)
    assert build.words[:2] == ("--secret", "id=token,env=SECRET0")
    assert build.environ == {"DOCKER_BUILDKIT": "1", "SECRET0": "Z2VoZWlt+/=="}
    assert body["values"] == [{"name": "mounted0", "value": "Z2VoZWlt+/==", "isSecret": True}]
    assert b"Z2Vo" not in base64.b64decode(body["encodedTaskContent"])


@pytest.mark.parametrize("secret", ["ge heim", "geheim\n", "$geheim", "geheim'", "geheim,", "gehéim", "{{geheim}}"])
def test_a_mounted_secret_that_the_service_would_change_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(StepError, match="ACR Tasks would change secret token on its way") as told:
        sent(request(MOUNTS), token=secret)
    assert "base64" in told.value.hint
    assert "heim" not in str(told.value) and "héim" not in str(told.value)


def test_a_secret_that_is_mounted_and_declared_arrives_both_ways() -> None:
    body = sent(request("FROM a\nARG token\nRUN --mount=type=secret,id=token make\n"), token="x")
    build, _ = read(body)
    assert build.words[:4] == ("--build-arg", "token=x", "--secret", "id=token,env=SECRET0")


def test_a_value_that_the_service_would_take_for_a_tag_is_refused() -> None:
    with pytest.raises(StepError, match="cannot be handed argument A: its value holds `-t`"):
        sent(request(MOUNTS, args={"A": "a -t b"}))


def test_simple_values_and_a_dockerfile_of_the_classic_builder_need_no_task() -> None:
    asked = request("FROM a\nARG A\nARG B\n", args={"A": "x/y:1@z", "B": ""}, secrets={"C": b"token-1"})
    assert acr_steps.why(asked) == ""


@pytest.mark.parametrize("value", ["a b", "{{.Run.ID}}", "$x", "it's", "a\nb"])
def test_a_value_that_a_quick_build_would_not_quote_goes_as_a_task(value: str) -> None:
    assert acr_steps.why(request("FROM a\nARG A\n", args={"A": value})) == "what argument A holds"


def test_the_reason_names_the_line_of_the_file_on_disk() -> None:
    assert acr_steps.why(request(MOUNTS, lines={1: 1, 2: 7})) == "RUN --mount (Dockerfile:7)"


def test_a_parents_trigger_that_takes_the_context_is_given_a_folder_of_the_users_files_alone() -> None:
    asked = request("FROM parent\n", triggers=reader.fragment("COPY . /app"))
    assert acr_steps.why(asked) == "`ONBUILD COPY . /app` of what it starts from"
    build, _ = read(sent(asked))
    assert build.words[-3:] == ("-f", ".bedplate-host/Dockerfile", "context")
    layout = beside(asked)
    assert (layout.below, layout.dockerfile, set(layout.extra)) == ("context", "FROM parent\n", {DOCKERFILE})
