"""A failed build's instruction, found by its number in whatever words an engine has for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import Lines, request

from bedplate.builders import failure
from bedplate.builders.layout import lay_out
from bedplate.builders.progress import BuildKitProgress, ClassicProgress, Failed, PlainProgress
from bedplate.clients.buildkit_trace import Output, Trace, Vertex
from bedplate.errors import StepError

TEXT = """\
ARG BASE=x
FROM ${BASE} AS first
RUN true
WORKDIR /w
RUN true
FROM scratch
COPY a /a
COPY --from=first /w /w
"""


def explained(
    tmp_path: Path, name: str, error: str, *output: str, classic: bool = False, text: str = TEXT
) -> StepError:
    made = request(tmp_path, text)
    return failure.explain(made, lay_out(made), Failed(name, error, output), Lines(Path("b.log")), classic=classic)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("[first 2/4] RUN true", 3),
        ("[first 4/4] RUN true", 5),
        ("[first 3/4] WORKDIR /w", 4),
        ("[stage-1 1/2] COPY a /a", 7),
        ("[linux/arm64 first 4/4] RUN true", 5),
        ("[linux/amd64->arm64 first 2/4] RUN true", 3),
        ("[first 5/7] RUN true", 3),  # three ONBUILD instructions of the parent come in front
        ("[FIRST 4/4] RUN true", 5),
    ],
)
def test_the_number_decides_between_equal_instructions(name: str, line: int, tmp_path: Path) -> None:
    error = explained(tmp_path, name, "executor failed running [/bin/sh -c true]: exit code: 3")
    assert error.message.startswith(f"images/one/Dockerfile:{line}: ")
    assert error.message.endswith("failed with exit code 3")


@pytest.mark.parametrize(("number", "line"), [(3, 3), (5, 5), (8, 8)])
def test_the_classic_builder_numbers_the_whole_file(number: int, line: int, tmp_path: Path) -> None:
    text = TEXT.splitlines()[line - 1]
    error = explained(tmp_path, f"[{number}/9] {text}", "returned a non-zero code: 2", classic=True)
    assert error.message == f"images/one/Dockerfile:{line}: {text} failed with exit code 2"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("dockerfile parse error line 3: unknown instruction: FOO", "unknown instruction: FOO"),
        ("failed to solve: dockerfile parse error on line 3: unknown instruction: FOO", "unknown instruction: FOO"),
    ],
)
def test_what_the_engine_cannot_read_has_its_line(error: str, said: str, tmp_path: Path) -> None:
    assert explained(tmp_path, "", error).message == f"images/one/Dockerfile:3: {said}"


def test_an_instruction_that_is_not_in_the_file_is_shown_without_a_line(tmp_path: Path) -> None:
    error = explained(tmp_path, "[first 1/9] RUN of the parent", "exit code: 1")
    assert error.message == "image one, images/one/Dockerfile: RUN of the parent failed with exit code 1"


def test_the_hint_knows_common_causes(tmp_path: Path) -> None:
    name = "[first 2/4] RUN true"
    assert "memory" in explained(tmp_path, name, "exit code: 137").hint
    assert "SSL_CERT_FILE" in explained(tmp_path, name, "exit code: 1", "SSL: certificate verify failed").hint
    assert "builder prune" in explained(tmp_path, name, "exit code: 1", "write x: no space left on device").hint
    fetched = "failed to do request: lookup registry-1.docker.io: no such host"
    missing = f"resolve image config for docker.io/docker/dockerfile:1: {fetched}"
    assert "without that line" in explained(tmp_path, name, missing).hint
    assert explained(tmp_path, name, "exit code: 1").hint == "the build's log: b.log"


def test_output_that_comes_in_pieces_is_put_together_into_lines() -> None:
    log = Lines()
    progress = BuildKitProgress(log)
    begun = Vertex("d", "[1/1] RUN x", False, 1.0, 0.0, "")
    progress.take(Trace((begun,), (), (Output("d", b"half"),)))
    progress.take(Trace((), (), (Output("d", b" and half\n 10%\r 90%\r\nend"),)))
    progress.take(Trace((Vertex("d", "[1/1] RUN x", False, 1.0, 2.5, "exit code: 1"),), (), ()))
    assert log.lines == ["#1 [1/1] RUN x", "#1 half and half", "#1  90%", "#1 end", "#1 ERROR: exit code: 1"]
    assert progress.failed("") == Failed("[1/1] RUN x", "exit code: 1", ("half and half", " 90%", "end"))


def test_output_that_comes_with_the_end_of_its_step_stands_before_it() -> None:
    log = Lines()
    done = Vertex("d", "[1/2] RUN --mount=type=bind,source=.bedplate-host/ca.pem,target=/x y", False, 1.0, 2.5, "")
    after = Vertex("e", "[2/2] RUN z", True, 3.0, 3.0, "")
    BuildKitProgress(log).take(Trace((done, after), (), (Output("d", b"out\n"),)))
    assert log.lines == ["#1 [1/2] RUN y", "#1 out", "#1 DONE 1.5s", "#2 [2/2] RUN z", "#2 CACHED"]


def test_a_step_that_was_cancelled_is_not_the_one_that_failed() -> None:
    progress = BuildKitProgress(Lines())
    progress.take(Trace((Vertex("a", "[a 1/1] RUN x", False, 1.0, 2.0, "context canceled: context canceled"),), (), ()))
    progress.take(Trace((Vertex("b", "[b 1/1] RUN y", False, 1.0, 2.0, "exit code: 1"),), (), ()))
    assert progress.failed("").name == "[b 1/1] RUN y"


def test_what_docker_prints_is_read() -> None:
    progress = PlainProgress(Lines())
    for line in (
        "#1 [internal] load build definition from Dockerfile",
        "#1 sha256:0123",
        "#1 DONE 0.0s",
        "#5 [2/3] RUN make",
        "#5 0.245 first",
        "#5 0.300 second",
        "#6 [3/3] RUN other",
        "#5 ERROR: executor failed running [/bin/sh -c make]: exit code: 2",
        "------",
        " > [2/3] RUN make:",
    ):
        progress.take(line)
    assert progress.failed("") == Failed(
        "[2/3] RUN make", "executor failed running [/bin/sh -c make]: exit code: 2", ("first", "second")
    )


def test_a_client_that_fails_before_any_step_is_quoted() -> None:
    progress = PlainProgress(Lines())
    progress.take("ERROR: failed to solve: something else")
    assert progress.failed("exit code 1").error == "failed to solve: something else"


def test_the_classic_builders_words_are_read() -> None:
    progress = ClassicProgress(Lines())
    for piece in ("Step 1/2 : FROM x\n", " ---> abc\n", "Step 2/2 : RUN ", "make\n ---> Running in 1\nout", "put\n"):
        progress.take(piece)
    assert progress.failed("code: 1") == Failed("[2/2] RUN make", "code: 1", ("output",))
