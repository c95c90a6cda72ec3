"""A later BuildKit as the judge of what the machine's own may not know: heredocs, `--exclude`, mounts of files."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from building import OS, Lines, request
from test_context_engine import CASES, judge, project

from bedplate.builders import docker, rootfs
from bedplate.clients.docker_engine import Engine
from tests import newer_engine
from tests.azure.judges.programs import CannotInstall
from tests.engines import SecondEngine, second_engine

__all__ = ["project"]
pytestmark = [
    pytest.mark.long,
    pytest.mark.engine,
    pytest.mark.judges,
    pytest.mark.skipif(os.geteuid() != 0, reason="a second engine needs root"),
]

OS_TAG = "bptest-os:later"
STAGE = "\nFROM scratch\nCOPY --from=a /t /t"
SHA256 = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"  # of hello and a line break

LATER: dict[str, tuple[str, str, dict[str, str]]] = {
    "a heredoc": ("COPY <<EOF /t/x\nhello\nEOF", "", {}),
    "two heredocs": ("COPY <<one <<two /t/\n1\none\n2\ntwo", "", {}),
    "a heredoc beside files": ("COPY f1 <<EOF dir /t/\nhello\nEOF", "", {}),
    "a heredoc that reads like instructions": ("COPY <<EOF /t/x\nCOPY nothing /\nEOF\nCOPY f1 /t/", "", {}),
    "a heredoc with a variable": ("ARG N=1\nCOPY <<EOF /t/x\nf$N\nEOF\nCOPY f$N /t/", "", {"N": "2"}),
    "a quoted heredoc": ("ARG N=1\nCOPY <<\"EOF\" /t/x\nf$N\nEOF", "", {}),
    "a heredoc without its tabs": ("COPY <<-EOF f1 /t/\n\thello\n\tEOF", "", {}),
    "a heredoc that does not end": ("COPY <<EOF /t/x\nhello", "", {}),
    "a heredoc named as a file": ("COPY <<f1 /t/\nother\nf1", "", {}),
    "a heredoc's sign in a JSON array": ('COPY ["<<EOF", "f1", "/t/"]', "", {}),
    "a heredoc's sign in quotes": ('COPY "<<EOF" f1 /t/', "", {}),
    "a heredoc in ADD": ("ADD <<EOF archive.tar /t/\nhello\nEOF", "", {}),
    "a heredoc in RUN": (f"FROM {OS_TAG} AS a\nRUN <<EOF\nmkdir /t\ncp /etc/hostname /t || true\nEOF{STAGE}", "", {}),
    "exclude": ("COPY --exclude=*.md plain other dir /t/", "", {}),
    "exclude below": ("COPY --exclude=**/*.md dir other /t/", "", {}),
    "exclude in a folder": ("COPY --exclude=*.md dir /t/", "", {}),
    "exclude a folder": ("COPY --exclude=sub dir other /t/", "", {}),
    "exclude what is in a folder": ("COPY --exclude=sub/* dir /t/", "", {}),
    "exclude by the path from the top": ("COPY --exclude=dir/sub dir /t/", "", {}),
    "exclude two": ("COPY --exclude=*.md --exclude=*.txt dir /t/", "", {}),
    "exclude with an exception": ("COPY --exclude=* --exclude=!x.txt dir /t/", "", {}),
    "exclude with an exception below": ("COPY --exclude=sub --exclude=!sub/z.txt dir /t/", "", {}),
    "exclude from a wildcard": ("COPY --exclude=a.txt *.txt /t/", "", {}),
    "exclude from a wildcard that finds folders": ("COPY --exclude=x.txt plain/* /t/", "", {}),
    "exclude a source": ("COPY --exclude=f1 f1 f2 /t/", "", {}),
    "exclude everything": ("COPY --exclude=* dir /t/", "", {}),
    "exclude by a variable": ("ARG P=*.md\nCOPY --exclude=$P dir /t/", "", {}),
    "exclude behind a link": ("COPY --exclude=sub linkdir /t/", "", {}),
    "exclude and ignore": ("COPY --exclude=*.md dir /t/", "dir/sub\n", {}),
    "exclude in ADD": ("ADD --exclude=sub dir /t/", "", {}),
    "exclude with a slash in front": ("COPY --exclude=/sub dir /t/", "", {}),
    "ADD of a checked address": (f"ADD --checksum={SHA256} http://127.0.0.1:PORT/hello /t/", "", {}),
    "COPY --link": ("COPY --link dir/x.txt linkdir/y.md /t/", "", {}),
    "COPY --chmod": ("COPY --chmod=600 dir /t/", "", {}),
    "a folder bound": (f"FROM {OS_TAG} AS a\nRUN --mount=type=bind,source=dir,target=/m cp -a /m /t{STAGE}", "", {}),
    "a file bound": (
        f"FROM {OS_TAG} AS a\nRUN --mount=source=f1,target=/m/f mkdir /t && cp -a /m/f /t{STAGE}", "", {}
    ),
    "all bound": (
        f"FROM {OS_TAG} AS a\nRUN --mount=type=bind,target=/m mkdir /t && cp -a /m /t/all{STAGE}", "*.md\n", {}
    ),
    "a variable bound": (
        f"FROM {OS_TAG} AS a\nARG D=dir\nRUN --mount=type=bind,source=$D,target=/m cp -a /m /t{STAGE}",
        "",
        {"D": "other"},
    ),
    "a link bound": (f"FROM {OS_TAG} AS a\nRUN --mount=source=linkdir,target=/m cp -a /m/. /t{STAGE}", "", {}),
    "a mount in front of a heredoc": (
        f"FROM {OS_TAG} AS a\nRUN --mount=source=dir/sub,target=/m <<EOF\ncp -a /m /t\nEOF{STAGE}", "", {}
    ),
    "something missing bound": (
        f"FROM {OS_TAG} AS a\nRUN --mount=source=nothing,target=/m cp -a /m /t{STAGE}", "", {}
    ),
    "a stage bound": (
        f"FROM scratch AS s\nCOPY dir /d\nFROM {OS_TAG} AS a\nRUN --mount=from=s,source=d,target=/m cp -a /m /t{STAGE}",
        "",
        {},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondEngine]:
    """Docker 28.5 with an image that has a shell."""
    try:
        programs = newer_engine.folder(newer_engine.FORKY)
    except CannotInstall as why:
        pytest.skip(f"a later engine cannot be had here: {why}")
    with second_engine(tmp_path_factory.mktemp("e"), programs) as engine:
        root = tmp_path_factory.mktemp("os")
        (root / "context").mkdir()
        (root / "context" / "rootfs.tar").hardlink_to(rootfs.build(OS, Lines()))
        wanted = replace(request(root, "FROM scratch\nADD rootfs.tar /\n"), tag=OS_TAG)
        docker.build(wanted, root, Engine(engine.address), Lines())
        yield engine


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a server that says `hello` and a line break."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello\n")

        do_HEAD = do_GET  # noqa: N815  # its name

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.05))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


# a later client sends no folder in which a pattern finds nothing, and BuildKit then refuses what 20.10 takes: said by
# neither of us beforehand, since it depends on who builds
REFUSED = {"a pattern that finds nothing in a folder"}


# the wildcards and links of the other judge are BuildKit's own as well: a later one may have changed its mind
@pytest.mark.parametrize("name", [*LATER, *(name for name in CASES if name not in REFUSED)])
def test_the_chosen_files_build_what_a_later_buildkit_builds(
    name: str, project: Path, later: SecondEngine, port: int, tmp_path: Path
) -> None:
    text, ignore, args = LATER.get(name) or CASES[name]
    case = (text.replace("PORT", str(port)), ignore, args)
    judge(case, project, tmp_path, ["docker", "buildx", "build", "--builder=default"], dict(later.environ))
