"""What a Dockerfile reads: its files, arguments and parents, and what is sent to the builder."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from bedplate import context
from bedplate.context import Recipe
from bedplate.context import archive as context_tar
from bedplate.errors import SpecError, StepError
from bedplate.stat_cache import StatCache
from bedplate.step import DockerfileFiles, Tree

Reader = Callable[..., Recipe]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in ("src/app.py", "src/lib/util.py", "src/lib/deep/x.py", "data/a.csv", "data/b.csv", "notes.md"):
        (tmp_path / "img" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "img" / path).write_text(path)
    return tmp_path


@pytest.fixture
def read(root: Path) -> Reader:
    def read(
        text: str,
        *,
        ignore: str = "",
        target: str | None = None,
        args: Mapping[str, str] | None = None,
        images: Mapping[str, str] | None = None,
        onbuild: Mapping[str, Sequence[str]] | None = None,
    ) -> Recipe:
        (root / "img/Dockerfile").write_text(text)
        (root / "img/.dockerignore").write_text(ignore)
        files = DockerfileFiles("img", "img/Dockerfile", target, args or {}, images or {}, "linux/amd64")
        return context.read(
            files, root, StatCache(root / ".bedplate/cache/files"), lambda parent, _: (onbuild or {}).get(parent, ())
        )

    return read


def paths(recipe: Recipe) -> list[str]:
    return [f.path for f in recipe.file_set.files]


def mistakes(read: Reader, text: str, **more: object) -> str:
    with pytest.raises(SpecError) as caught:
        read(text, **more)
    return str(caught.value)


def changed(one: Recipe, other: Recipe) -> list[str]:
    return sorted(k for k in {*one.parts, *other.parts} if one.parts.get(k) != other.parts.get(k))


# ---- files


def test_only_what_copy_names_is_read(read: Reader) -> None:
    assert paths(read("FROM a\nCOPY src/lib /x\nCOPY data/*.csv /y/\n")) == [
        *("data/a.csv", "data/b.csv", "src/lib", "src/lib/deep", "src/lib/deep/x.py", "src/lib/util.py"),
    ]


def test_a_bind_mount_reads_its_source_and_the_whole_context_without_one(read: Reader) -> None:
    assert paths(read("FROM a\nRUN --mount=type=bind,source=notes.md,target=/n x\n")) == ["notes.md"]
    assert "data/a.csv" in paths(read("FROM a\nRUN --mount=target=/n x\n"))
    assert paths(read("FROM a\nRUN --mount=type=cache,target=/n --mount=type=secret,id=s x\n")) == []
    assert paths(read("FROM a\nRUN --mount='type=bind,\"src=notes.md\",dst=/n' x\n")) == ["notes.md"]


def test_exclude_takes_out_below_the_source(read: Reader) -> None:
    assert paths(read("FROM a\nCOPY --exclude=deep --exclude=**/util.py src/lib /x\n")) == ["src/lib"]


def test_a_variable_in_exclude_takes_nothing_out_since_not_every_builder_expands_it(read: Reader) -> None:
    found = read("FROM scratch\nARG P=deep\nCOPY --exclude=$P src/lib /x\n")
    assert paths(found) == paths(read("FROM scratch\nCOPY src/lib /x\n"))


def test_parents_match_double_stars_from_the_pivot(read: Reader) -> None:
    assert paths(read("FROM a\nCOPY --parents src/**/x.py /x\n")) == ["src/lib/deep/x.py"]
    assert paths(read("FROM a\nCOPY --parents src/./lib/*.py /x\n")) == ["src/lib/util.py"]
    assert paths(read("FROM a\nCOPY --parents notes.md data/a.csv /x\n")) == ["data/a.csv", "notes.md"]


def test_a_heredoc_is_no_source(read: Reader) -> None:
    assert paths(read("FROM a\nCOPY <<EOF notes.md /x/\nhello\nEOF\n")) == ["notes.md"]


def test_only_the_stages_that_the_target_needs_are_read(read: Reader) -> None:
    text = (
        "FROM a AS one\nCOPY notes.md /\nFROM b AS two\nCOPY gone /\n"
        "FROM one AS three\nCOPY --from=four /x /x\nFROM c AS four\n"
    )
    assert paths(read(text, target="three")) == ["notes.md"]
    assert [p.reference for p in read(text, target="three").parents] == ["a", "c"]
    assert [p.reference for p in read(text).parents] == ["c"]
    assert [p.reference for p in read(text, target="0").parents] == ["a"]
    assert "there is no stage 'thre'" in mistakes(read, text, target="thre")
    assert "did you mean 'three'?" in mistakes(read, text, target="thre")


def test_the_dockerfiles_own_ignore_file_wins(read: Reader, root: Path) -> None:
    (root / "img/Dockerfile.dockerignore").write_text("*.md\n")
    assert paths(read("FROM a\nCOPY src notes* /\n", ignore="src\n"))[0] == "src"


def test_the_state_folder_is_never_taken(read: Reader, root: Path) -> None:
    (root / ".bedplate").mkdir()
    (root / ".bedplate/x").write_text("")
    (root / "Dockerfile").write_text("FROM a\nCOPY . /\n")
    files = DockerfileFiles(".", "Dockerfile", None, {}, {}, "linux/amd64")
    found = context.read(files, root, StatCache(root / "cache"))
    assert not any(p.startswith(".bedplate") for p in paths(found))
    assert "img/notes.md" in paths(found)


def test_the_ignore_file_is_handed_on_with_what_we_hide_where_every_client_reads_it_alike(
    read: Reader, root: Path
) -> None:
    assert read("FROM a\nCOPY . /\n", ignore="a\n!a/b").ignore == b"a\n!a/b\n"
    assert read("FROM a\nCOPY . /\n", ignore="a\n!a/*.txt\n").ignore is None
    (root / "img/[x]*").write_text("")
    beside = [b"/.dockerignore", b"/Dockerfile", b"/\\[x]\\*", b"/data"]
    assert (read("FROM a\nCOPY src/app.py notes.md /\n").ignore or b"").split(b"\n") == [b"", *beside, b""]
    (root / "img/ y").write_text("")
    assert read("FROM a\nCOPY src /\n").ignore is None
    (root / "Dockerfile").write_text("FROM a\nCOPY . /\n")
    (root / ".dockerignore").write_text("x\n!y")
    files = DockerfileFiles(".", "Dockerfile", None, {}, {}, "linux/amd64")
    assert context.read(files, root, StatCache(root / "cache")).ignore == b"x\n!y\n/.bedplate\n"


def test_what_the_ignore_file_took_out_is_told_with_its_pattern(root: Path, read: Reader) -> None:
    read("FROM a\n", ignore="data\n**/*.py\n!src/app.py\n")
    files = DockerfileFiles("img", "img/Dockerfile", None, {}, {}, "linux/amd64")
    assert list(context.ignored(files, root)) == [
        *(("data", "data"), ("src/lib/deep/x.py", "**/*.py"), ("src/lib/util.py", "**/*.py")),
    ]


# ---- parts


def test_a_file_counts_by_path_kind_mode_and_content(read: Reader, root: Path) -> None:
    text = "FROM a\nCOPY src /src\n"
    before = read(text)
    os.utime(root / "img/src/app.py", (1, 1))
    assert [f.as_is for f in before.file_set.files if f.path == "src/app.py"] == [True]
    (root / "img/src/app.py").chmod(0o600)
    assert changed(before, read(text)) == []
    assert [f.as_is for f in read(text).file_set.files if f.path == "src/app.py"] == [False]
    (root / "img/src/app.py").chmod(0o755)
    assert changed(before, read(text)) == ["file src/app.py"]
    (root / "img/src/app.py").chmod(0o644)
    (root / "img/src/app.py").rename(root / "img/src/b.py")
    assert changed(before, read(text)) == ["file src/app.py", "file src/b.py"]
    (root / "img/src/b.py").rename(root / "img/src/app.py")
    (root / "img/src/app.py").write_text("src/app.py".upper())
    assert changed(before, read(text)) == ["file src/app.py"]
    (root / "img/src/app.py").unlink()
    (root / "img/src/app.py").symlink_to("lib/util.py")
    assert changed(before, read(text)) == ["file src/app.py"]


def test_a_new_empty_folder_counts_where_its_parent_is_copied(read: Reader, root: Path) -> None:
    before = read("FROM a\nCOPY src /src\n")
    (root / "img/src/new").mkdir()
    (root / "img/new").mkdir()
    assert changed(before, read("FROM a\nCOPY src /src\n")) == ["file src/new"]


def test_another_checkout_has_the_same_parts(read: Reader, root: Path) -> None:
    before = read("FROM a\nCOPY . /src\n")
    root.rename(root.with_name("elsewhere"))
    elsewhere = root.with_name("elsewhere")
    files = DockerfileFiles("img", "img/Dockerfile", None, {}, {}, "linux/amd64")
    assert context.read(files, elsewhere, StatCache(elsewhere / "cache")).parts == before.parts
    elsewhere.rename(root)


def test_a_comment_changes_no_part_and_an_instruction_one(read: Reader) -> None:
    before = read("FROM a\nRUN x\nRUN y\n")
    assert changed(before, read("# c\nfrom a\nRUN x\n\n# d\nRUN \\\n  y\n")) == []
    assert changed(before, read("FROM a\nRUN x\nRUN z\n")) == ["instruction 3 RUN"]


def test_only_arguments_that_are_used_are_parts(read: Reader) -> None:
    text = "ARG BASE=a\nARG NO=1\nFROM $BASE\nARG CUDA=1\nARG LATE=1\nLABEL x=$CUDA\n"
    given = {"BASE": "b", "CUDA": "2", "NO": "3", "LATE": "4", "ELSE": "5", "HTTP_PROXY": "6"}
    found = read(text, args=given)
    assert {k: v for k, v in found.parts.items() if k.startswith("arg ")} == {"arg BASE": "b", "arg CUDA": "2"}
    assert found.unused_args == ("ELSE",)


def test_a_command_sees_every_argument_before_it(read: Reader) -> None:
    text = "FROM a AS one\nARG A=1\nRUN x\nARG B=1\nFROM one\nARG C=1\n"
    assert {"arg A"} == {k for k in read(text, args=dict.fromkeys("ABC", "2")).parts if k.startswith("arg ")}
    below = text + "RUN y\n"
    assert {"arg A", "arg B", "arg C"} == {
        k for k in read(below, args=dict.fromkeys("ABC", "2")).parts if k.startswith("arg ")
    }


def test_the_default_of_an_argument_that_is_given_means_nothing(read: Reader) -> None:
    one, other = "FROM a\nARG A=1\nRUN x\n", "FROM a\nARG A=2\nRUN x\n"
    assert changed(read(one, args={"A": "3"}), read(other, args={"A": "3"})) == []
    assert changed(read(one), read(other)) == ["instruction 2 ARG"]


def test_an_argument_that_another_ones_default_names_is_used(read: Reader) -> None:
    found = read("ARG V=1\nARG IMAGE=a:$V\nFROM $IMAGE\n", args={"V": "2"})
    assert found.parents[0].reference == "a:2"
    assert found.parts["arg V"] == "2"


# ---- parents


def test_parents_are_expanded_and_placed(read: Reader) -> None:
    found = read(
        "ARG BASE\nARG V=22.04\nFROM --platform=linux/arm64 ubuntu:$V AS a\nFROM ${BASE}\n"
        "COPY --from=busybox:1 /x /\nRUN --mount=type=bind,from=alpine,target=/a \\\n  --mount=from=a,target=/b x\n",
        images={"BASE": "os"},
    )
    assert [(p.reference, p.platform, p.image, p.line, p.column) for p in found.parents] == [
        ("ubuntu:22.04", "linux/arm64", None, 3, 29),
        ("bedplate.internal/os", "linux/amd64", "os", 4, 6),
        ("busybox:1", "linux/amd64", None, 5, 13),
        ("alpine", "linux/amd64", None, 6, 28),
    ]


def test_an_empty_from_names_its_argument(read: Reader) -> None:
    said = mistakes(read, "ARG BASE\nFROM ${BASE}\n")
    assert said.startswith("img/Dockerfile:2:6: ${BASE} is empty here")
    assert "give ARG BASE a default" in said


def test_triggers_of_a_parent_are_run(read: Reader) -> None:
    found = read("FROM a\nRUN x\n", onbuild={"a": ["COPY notes.md /", "ARG Q", "RUN y"]}, args={"Q": "1"})
    assert paths(found) == ["notes.md"]
    assert [k for k in found.parts if k.startswith("instruction")] == [
        *("instruction 1 FROM", "instruction 2 COPY", "instruction 3 ARG", "instruction 4 RUN", "instruction 5 RUN"),
    ]
    assert found.parts["arg Q"] == "1"


def test_a_trigger_may_bring_a_heredoc_or_what_cannot_be_read(read: Reader) -> None:
    found = read("FROM a\n", onbuild={"a": ["COPY <<EOF notes.md /x/\nhello\nEOF", "RUN y"]})
    assert paths(found) == ["notes.md"]
    assert "instruction 3 RUN" in found.parts
    said = mistakes(read, "# x\nFROM a\n", onbuild={"a": ["ENV a"]})
    assert said.startswith("img/Dockerfile:2:6: ONBUILD ENV a: ")


# ---- mistakes and warnings


def test_a_missing_source_is_placed_with_what_was_meant(read: Reader) -> None:
    said = mistakes(read, "FROM a\nCOPY src/lib \\\n  notes.txt /x/\nADD src/ap.py /\n")
    assert said.splitlines() == [
        "img/Dockerfile:3:3: there is no notes.txt in the context",
        "      notes.txt /x/",
        "      ^",
        "  hint: did you mean 'notes.md'?",
        "img/Dockerfile:4:5: there is no src/ap.py in the context",
        "    ADD src/ap.py /",
        "        ^",
        "  hint: did you mean 'src/app.py'?",
    ]


def test_what_was_meant_is_not_what_the_ignore_file_takes_out(read: Reader) -> None:
    assert "hint" not in mistakes(read, "FROM a\nCOPY notes.txt /x/\n", ignore="notes.md\n")


def test_an_ignored_source_names_the_pattern(read: Reader) -> None:
    said = mistakes(read, "FROM a\nCOPY src/app.py /\n", ignore="# c\nsrc/*\n")
    assert "img/Dockerfile:2:6: src/app.py is in the context, but img/.dockerignore takes it out: src/*" in said


def test_a_bad_pattern_is_placed(read: Reader) -> None:
    assert mistakes(read, "FROM a\nCOPY . /\n", ignore="a\nb[\n").startswith("img/.dockerignore:2:1: bad pattern 'b['")
    assert "img/Dockerfile:2:6: bad pattern '[x'" in mistakes(read, "FROM a\nCOPY [x /\n")


def test_what_can_not_be_hashed_is_a_warning(read: Reader) -> None:
    found = read(
        "FROM a\nADD https://x.example/a.tgz /\nADD --checksum=sha256:aa https://x.example/b.tgz /\n"
        f"ADD git@x.example:a.git /\nADD https://x.example/a.git#{'a' * 40} /\n"
    )
    assert [(w.line, w.column) for w in found.warnings] == [(2, 5), (4, 5)]
    assert paths(found) == []


def test_a_pattern_that_finds_nothing_is_a_warning(read: Reader) -> None:
    assert [w.message for w in read("FROM a\nCOPY notes.md *.zip /\n").warnings] == [
        "nothing in the context matches *.zip"
    ]


def test_the_folder_that_a_pattern_searches_in_vain_is_there_without_its_files(read: Reader) -> None:
    assert paths(read("FROM a\nCOPY src/*.zip nosuch/*.zip /\n")) == ["src"]


def test_a_variable_of_the_parent_makes_all_files_count(read: Reader) -> None:
    found = read("FROM a\nCOPY $HOME_OF_PARENT/x /\n")
    assert "HOME_OF_PARENT has no value here" in found.warnings[0].message
    assert "notes.md" in paths(found)


def test_a_pipe_is_refused_and_a_socket_left_out(read: Reader, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "img/data/pipe")
    assert "img/Dockerfile:2:1: data/pipe is a named pipe" in mistakes(read, "FROM a\nCOPY data /\n")
    (root / "img/data/pipe").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(root / "img/data")  # a socket's path has to be short
        server.bind("sock")
        found = read("FROM a\nCOPY data /\n")
    assert "data/sock" not in paths(found)
    assert "data/sock is a socket" in found.warnings[0].message
    assert found.warnings[0].code == "SocketLeftOut"


def test_a_file_that_can_not_be_read_is_named(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(StatCache, "sha256", refuse)
    assert "img/Dockerfile:2:1: notes.md can not be read: Permission denied" in mistakes(
        read, "FROM a\nCOPY notes.md /\n"
    )


def test_a_folder_that_can_not_be_read_is_named(read: Reader, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_list, plain_open = os.scandir, os.open

    def refuse(path: str | int) -> None:
        if str(path).endswith("src/lib"):
            raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", lambda path: refuse(path) or plain_list(path))
    monkeypatch.setattr(os, "open", lambda path, *more: refuse(path) or plain_open(path, *more))
    assert "img/Dockerfile:2:1: src/lib can not be read: Permission denied" in mistakes(read, "FROM a\nCOPY src /\n")
    assert paths(read("FROM a\nCOPY src /\n", ignore="src/lib\n")) == ["src", "src/app.py"]
    with pytest.raises(SpecError, match="img/src/lib: it can not be read: Permission denied"):
        context.tree(Tree("img"), root, StatCache(root / "cache"))


def test_a_dockerfile_that_is_not_utf_8_is_placed(root: Path) -> None:
    (root / "img/Dockerfile").write_bytes(b"FROM a\nRUN \xe9\n")
    with pytest.raises(SpecError, match="img/Dockerfile:2: byte 0xe9 is not UTF-8"):
        context.read(
            DockerfileFiles("img", "img/Dockerfile", None, {}, {}, "linux/amd64"), root, StatCache(root / "cache")
        )


def test_a_missing_dockerfile_or_context_is_named(root: Path) -> None:
    cache = StatCache(root / "cache")
    with pytest.raises(SpecError, match="img/Nope: there is no such file"):
        context.read(DockerfileFiles("img", "img/Nope", None, {}, {}, "linux/amd64"), root, cache)
    (root / "img/Dockerfile").write_text("FROM a\n")
    with pytest.raises(SpecError, match="gone: the build context is not there"):
        context.read(DockerfileFiles("gone", "img/Dockerfile", None, {}, {}, "linux/amd64"), root, cache)


# ---- what is sent


def test_parents_are_pinned_where_they_stand(read: Reader) -> None:
    found = read(
        "# syntax=x\nARG V=3\nFROM --platform=linux/amd64 python:${V} AS python\nFROM python\n"
        "COPY --from=alpine:$V /alpine:$V /\nCOPY --from=python /x /\n"
        'RUN --mount="type=bind,from=alpine:3,target=/a" alpine:3\n'
    )
    text, lines = context.sent(found, pins={"python:3": "python@sha256:p", "alpine:3": "alpine@sha256:a"})
    assert text.splitlines() == [
        "# syntax=x",
        "ARG V=3",
        "FROM --platform=linux/amd64 python@sha256:p AS python",
        "FROM python",
        "COPY --from=alpine@sha256:a /alpine:$V /",
        "COPY --from=python /x /",
        'RUN --mount="type=bind,from=alpine@sha256:a,target=/a" alpine:3',
    ]
    assert lines == {n: n for n in range(1, 8)}


def test_only_the_reference_itself_is_replaced(read: Reader) -> None:
    found = read(
        "FROM x AS a\nRUN --mount=type=bind,from=x,target=/x \\\n  # --mount=from=x\n  --network=none \\\n"
        "  --mount='from=x,target=/y' \\\n  --mount=from=xy cmd --from=x from=x x\n"
        "COPY --chown=x --from=x x /from=x\n"
    )
    assert context.sent(found, pins={"x": "x@p"})[0].splitlines() == [
        *("FROM x@p AS a", "RUN --mount=type=bind,from=x@p,target=/x \\", "  # --mount=from=x", "  --network=none \\"),
        *("  --mount='from=x@p,target=/y' \\", "  --mount=from=xy cmd --from=x from=x x"),
        "COPY --chown=x --from=x@p x /from=x",
    ]


def test_an_image_of_the_spec_is_pinned_like_the_others(read: Reader) -> None:
    text = "ARG BASE\nFROM $BASE\nCOPY --from=$BASE /x /x\n"
    found = read(text, images={"BASE": "os"})
    assert [p.image for p in found.parents] == ["os", "os"]
    assert context.sent(found, pins={})[0] == text
    pinned = context.sent(found, pins={"bedplate.internal/os": "p/os:fp-1"})[0]
    assert pinned == "ARG BASE\nFROM p/os:fp-1\nCOPY --from=p/os:fp-1 /x /x\n"


def test_mounts_and_lines_of_this_build_are_put_in_and_lines_mapped(read: Reader) -> None:
    found = read('FROM no AS unneeded\nRUN z\nFROM a\n  run \\\n  # c\n  x\nRUN <<EOF\ny\nEOF\nRUN ["z"]\n')
    text, lines = context.sent(
        found, pins={}, run_mounts=["--mount=m1", "--mount=m2"], stage_lines=["ARG A=1", "ARG B"]
    )
    assert text.splitlines() == [
        *(
            "FROM no AS unneeded",
            "RUN z",
            "FROM a",
            "ARG A=1",
            "ARG B",
            "  run --mount=m1 --mount=m2 \\",
            "  # c",
            "  x",
        ),
        *("RUN --mount=m1 --mount=m2 <<EOF", "y", "EOF", 'RUN --mount=m1 --mount=m2 ["z"]'),
    ]
    assert [lines[n] for n in range(1, 13)] == [1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10]


def test_the_file_on_disk_is_sent_as_it_is_where_nothing_is_pinned(read: Reader) -> None:
    text = "# escape=`\nfrom a `\n  as b\ncopy notes.md `\n  /x\n"
    assert context.sent(read(text), pins={})[0] == text


def test_the_tar_depends_on_content_alone(read: Reader, root: Path) -> None:
    (root / "img/src/run.sh").write_text("x")
    (root / "img/src/run.sh").chmod(0o700)
    (root / "img/src/link").symlink_to("app.py")
    (root / "img" / ("long" * 60)).write_text("long")
    recipe = read("FROM a\nCOPY . /\n", ignore="Dockerfile\n.dockerignore\ndata\n")
    one = b"".join(context.tar(recipe.file_set, root, {".bedplate/ca.pem": b"ca"}))
    for path in (root / "img").rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    again = read("FROM a\nCOPY . /\n", ignore="Dockerfile\n.dockerignore\ndata\n")
    assert b"".join(context.tar(again.file_set, root, {".bedplate/ca.pem": b"ca"})) == one
    with tarfile.open(fileobj=io.BytesIO(one)) as archive:
        assert [(m.name, m.type, m.mode, m.uid, m.mtime) for m in archive][:5] == [
            (".bedplate", tarfile.DIRTYPE, 0o755, 0, context_tar.EPOCH),
            (".bedplate/ca.pem", tarfile.REGTYPE, 0o644, 0, context_tar.EPOCH),
            ("long" * 60, tarfile.REGTYPE, 0o644, 0, context_tar.EPOCH),
            ("notes.md", tarfile.REGTYPE, 0o644, 0, context_tar.EPOCH),
            ("src", tarfile.DIRTYPE, 0o755, 0, context_tar.EPOCH),
        ]
        assert archive.getmember("src/run.sh").mode == 0o755
        assert archive.getmember("src/link").linkname == "app.py"
        content = archive.extractfile("src/app.py")
        assert content is not None and content.read() == b"src/app.py"


def test_a_file_that_changes_after_it_was_hashed_stops_the_tar(read: Reader, root: Path) -> None:
    recipe = read("FROM a\nCOPY notes.md /\n")
    (root / "img/notes.md").write_text("changed")
    with pytest.raises(StepError, match=r"notes\.md changed while it was read"):
        list(context.tar(recipe.file_set, root, {}))
    (root / "img/notes.md").unlink()
    with pytest.raises(StepError, match=r"notes\.md changed while it was read"):
        list(context.tar(recipe.file_set, root, {}))


# ---- other trees


def test_a_tree_holds_all_but_what_python_leaves_behind(root: Path) -> None:
    (root / "img/src/__pycache__").mkdir()
    (root / "img/src/__pycache__/x.pyc").write_text("")
    (root / "img/src/y.pyc").write_text("")
    (root / "img/src/empty").mkdir()
    (root / "img/src/link").symlink_to("nowhere")
    cache = StatCache(root / "cache")
    found = context.tree(Tree("img/src", ("img/src/lib", "img/data")), root, cache)
    assert [(f.path, f.kind) for f in found.files] == [("app.py", "file"), ("empty", "dir"), ("link", "symlink")]
    assert found.root == "img/src"
    assert list(context.parts_of(found)) == ["file app.py", "file empty", "file link"]


def test_a_tree_may_be_one_file(root: Path) -> None:
    found = context.tree(Tree("img/notes.md"), root, StatCache(root / "cache"))
    assert (found.root, [f.path for f in found.files]) == ("img", ["notes.md"])
    with pytest.raises(SpecError, match="img/gone: there is no such file or folder"):
        context.tree(Tree("img/gone"), root, StatCache(root / "cache"))


@pytest.mark.parametrize(
    ("path", "kind", "mode", "size", "target"),
    [
        ("src/a.py", "file", 0o644, 12, ""),
        ("src", "dir", 0o755, 0, ""),
        ("link", "symlink", 0o777, 0, "../x"),
        ("x" * 99, "file", 0o755, 1 << 32, ""),
        ("x" * 100, "file", 0o755, 1, ""),
        ("é", "file", 0o644, 1, ""),
        ("large", "file", 0o644, 1 << 33, ""),
    ],
)
def test_a_header_is_the_one_of_tarfile(path: str, kind: str, mode: int, size: int, target: str) -> None:
    info = tarfile.TarInfo(path)
    info.mtime = context_tar.EPOCH
    info.type = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE}[kind]
    info.mode, info.size, info.linkname = mode, size, target
    assert context_tar._header(path, kind, mode, size, target) == info.tobuf(tarfile.PAX_FORMAT, "utf-8")
