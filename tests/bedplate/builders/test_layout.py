"""Where the user's files lie in what is sent, and how the instructions reach them."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import request

from bedplate.builders.layout import apart, lay_out, shown

PLAIN = [
    "COPY a b /x/",
    "COPY --from=other . /x",
    "ADD a.tar.gz /",
    "ADD https://example.org/x.git /x",
    "COPY ./sub/ /x",
    "RUN --mount=type=bind,source=a,target=/a true",
    "RUN --mount=type=cache,target=/c true",
    'COPY ["a", "/x"]',
    "COPY <<EOF /x\nhello *\nEOF",
]
# what the user wrote, what is sent: the user's files lie one folder deeper, and a stage of their own holds them
REDIRECTED = {
    "COPY . /x": "COPY --from=bedplate-context . /x",
    "  copy --chown=1 ./ /x": "  COPY --from=bedplate-context --chown=1 ./ /x",
    "COPY *.py /x/": "COPY --from=bedplate-context *.py /x/",
    "COPY $WHAT /x": "COPY --from=bedplate-context $WHAT /x",
    "COPY sub/../ /x": "COPY --from=bedplate-context sub/../ /x",
    'COPY ["..", "/x"]': 'COPY --from=bedplate-context ["..", "/x"]',
    "COPY \\\n  . \\\n  /x": "COPY --from=bedplate-context \\\n  . \\\n  /x",
    "ADD . /x": "COPY --from=bedplate-context . /x",
    "ADD *.tar --- /x/": "ADD context/*.tar context/--- /x/",
    'ADD ["a b*", "/x/"]': 'ADD ["context/a b*", "/x/"]',
    "RUN --mount=type=bind,target=/s make": "RUN --mount=type=bind,target=/s,from=bedplate-context make",
    "RUN --mount=target=/s,source=. make": "RUN --mount=target=/s,source=.,from=bedplate-context make",
}


@pytest.mark.parametrize("instruction", PLAIN)
def test_a_file_without_instructions_that_take_all_is_sent_as_it_is(instruction: str, tmp_path: Path) -> None:
    text = f"FROM scratch\n{instruction}\n"
    layout = lay_out(request(tmp_path, text))
    assert (layout.dockerfile, layout.below) == (text, "")


@pytest.mark.parametrize("instruction", REDIRECTED)
def test_what_could_take_the_builds_own_files_takes_the_users_from_a_stage(instruction: str, tmp_path: Path) -> None:
    layout = lay_out(request(tmp_path, f"ARG V=1\nFROM scratch\n{instruction}\nUSER 1\n"))
    head = "ARG V=1\nFROM scratch AS bedplate-context\nCOPY context/ /\nFROM scratch\n"
    assert layout.dockerfile == f"{head}{REDIRECTED[instruction]}\nUSER 1\n"
    assert layout.below == "context"


def test_an_ignore_file_that_is_copied_is_not_at_the_top_where_a_builder_could_heed_it(tmp_path: Path) -> None:
    text = "FROM scratch\nCOPY .dockerignore a /x/\n"
    layout = lay_out(request(tmp_path, text, {".dockerignore": "*\n", "a": "", "sub/.dockerignore": "*\n"}))
    assert layout.below == "context"
    assert "COPY --from=bedplate-context .dockerignore a /x/" in layout.dockerfile
    (tmp_path / "context/.dockerignore").unlink()
    assert lay_out(request(tmp_path, text)).below == ""


def test_the_other_instructions_of_such_a_file_find_their_files_too(tmp_path: Path) -> None:
    text = (
        "FROM scratch\nCOPY . /all\nCOPY a /a\nADD b.tar https://example.org/c /x/\nCOPY --from=0 /all /y\n"
        "RUN --mount=type=bind,from=0,source=/all,target=/z --mount=type=bind,source=a,target=/a make\n"
        "RUN --mount=type=bind,source=.bedplate-host/ca.pem,target=/dev/shm/bedplate/ca.pem make\n"
    )
    lines = lay_out(request(tmp_path, text, target="0")).dockerfile.splitlines()
    assert lines[4:] == [
        "COPY --from=bedplate-context a /a",
        "ADD context/b.tar https://example.org/c /x/",
        "COPY --from=1 /all /y",
        "RUN --mount=type=bind,from=1,source=/all,target=/z "
        "--mount=type=bind,source=a,target=/a,from=bedplate-context make",
        "RUN --mount=type=bind,source=.bedplate-host/ca.pem,target=/dev/shm/bedplate/ca.pem make",
    ]
    assert lay_out(request(tmp_path, text, target="0")).target == "1"


def test_lines_lead_back_to_the_file_on_disk(tmp_path: Path) -> None:
    layout = lay_out(request(tmp_path, "FROM scratch\n\nCOPY . /x\n", lines={1: 10, 2: 11, 3: 12}))
    assert layout.lines == {3: 10, 4: 11, 5: 12}


def test_a_client_is_given_what_is_for_the_build_alone_as_secrets(tmp_path: Path) -> None:
    text = "FROM x\nRUN --mount=type=bind,source=.bedplate-host/ca.pem,target=/dev/shm/c make\nCOPY . /x\n"
    layout, secrets = apart(request(tmp_path, text, {"a": ""}, extra_files={".bedplate-host/ca.pem": b"CA"}))
    assert secrets == {"bedplate-host-ca.pem": b"CA"}
    assert layout.dockerfile == text.replace(
        "type=bind,source=.bedplate-host/ca.pem,", "type=secret,id=bedplate-host-ca.pem,mode=0444,"
    )
    assert [file.path for file in layout.files] == ["a"] and layout.extra == {}


@pytest.mark.parametrize(
    "sent",
    [
        "RUN --mount=type=bind,source=.bedplate-host/ca.pem,target=/dev/shm/bedplate/ca.pem make",
        "RUN --mount=type=secret,id=bedplate-host-ca.pem,mode=0444,target=/dev/shm/bedplate/ca.pem make",
        "RUN make",
    ],
)
def test_what_was_put_in_is_not_shown(sent: str) -> None:
    assert shown(sent) == "RUN make"
    assert shown("COPY --from=bedplate-context . /x") == "COPY . /x"
