"""BuildKit as the judge: what is built from the chosen files alone is what is built from the whole context."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from bedplate import context
from bedplate.context.archive import EPOCH
from bedplate.errors import SpecError
from bedplate.stat_cache import StatCache
from bedplate.step import DockerfileFiles

CLIENT = next((p for p in ("/usr/bin/docker", shutil.which("docker") or "") if Path(p).is_file()), "docker")
PLATFORM = "linux/amd64" if os.uname().machine == "x86_64" else "linux/arm64"

FILES = (
    *("f1", "f2", "a.txt", "b.txt", "c.md", "dir/x.txt", "dir/y.md", "dir/sub/z.txt", "dir/sub/deep/q.txt", ".hidden"),
    *("dir/.hid", "sp ace.txt", "br[a]cket.txt", "ünï.txt", "other/x.txt", "other/sub/w.txt", "ab/cd/ef.txt", "-dash"),
    *("plain/f", "plain/one/x.txt", "plain/one/in/y.txt", "plain/two/x.txt", "plain/two/in/w.txt", "plain/.hid"),
)
LINKS = {
    "link.txt": "a.txt",
    "linkdir": "dir",
    "dir/in": "sub/z.txt",
    "dangling": "nowhere",
    "abs": "/dir/x.txt",
    "up": "../../f1",
    "chain": "linkdir/sub",
    "other/todir": "../dir",
    "loop": "loop",
}

# name -> (Dockerfile behind `FROM scratch`, or whole where it holds FROM; ignore file; build arguments)
CASES: dict[str, tuple[str, str, dict[str, str]]] = {
    "one file": ("COPY f1 /", "", {}),
    "one folder": ("COPY dir /d", "", {}),
    "a pattern that finds nothing in a folder": ("COPY f1 dir/sub/*.zip linkdir/*.zip /d/", "", {}),
    "folder into a folder": ("COPY dir other /d/", "", {}),
    "everything": ("COPY . /", "", {}),
    "everything by slash": ("COPY / /all/", "", {}),
    "a wildcard": ("COPY *.txt /t/", "", {}),
    "a wildcard that finds nothing": ("COPY f1 none*.zip /t/", "", {}),
    "a question mark": ("COPY f? /t/", "", {}),
    "a class": ("COPY [ab].txt /t/", "", {}),
    "a negated class": ("COPY [^a].txt /t/", "", {}),
    "a wildcard folder": ("COPY di* /t/", "", {}),
    "a wildcard in the middle": ("COPY plain/*/x.txt /t/", "", {}),
    "a wildcard over two levels": ("COPY plain/*/*/*.txt /t/", "", {}),
    "a wildcard that finds folders": ("COPY plain/*/in /t/", "", {}),
    "a star": ("COPY plain/* /t/", "", {}),
    "a star that finds a link to nothing": ("COPY * /t/", "", {}),
    "an escaped bracket": ("COPY br[[]a]cket.txt /t/", "", {}),
    "a name with a blank": ('COPY ["sp ace.txt", "/t/"]', "", {}),
    "not ASCII": ("COPY ünï.txt /t/", "", {}),
    "a hidden file": ("COPY .hidden dir/.hid /t/", "", {}),
    "a name that begins with a dash": ("COPY -dash /t/", "", {}),
    "a trailing slash": ("COPY dir/ /t/", "", {}),
    "a trailing slash behind a file": ("COPY f1/ /t/", "", {}),
    "dots in the middle": ("COPY dir/../f1 ./dir/./x.txt /t/", "", {}),
    "dots that lead out": ("COPY ../../f1 /t/", "", {}),
    "a leading slash": ("COPY /dir/x.txt /t/", "", {}),
    "a folder's dot": ("COPY dir/. /t/", "", {}),
    "a link to a file": ("COPY link.txt /t/", "", {}),
    "a link to a folder": ("COPY linkdir /t/", "", {}),
    "a link on the way": ("COPY linkdir/x.txt /t/", "", {}),
    "links on the way": ("COPY chain/z.txt /t/", "", {}),
    "an absolute link": ("COPY abs /t/", "", {}),
    "a link that leads out": ("COPY up /t/", "", {}),
    "links that a wildcard finds": ("COPY l*k* /t/", "", {}),
    "a wildcard behind a link": ("COPY linkdir/*.txt /t/", "", {}),
    "links inside of a folder": ("COPY other /t/", "", {}),
    "a link that leads nowhere": ("COPY dangling /t/", "", {}),
    "a link to itself": ("COPY loop /t/", "", {}),
    "a missing file": ("COPY nothing /t/", "", {}),
    "a missing folder on the way": ("COPY nothing/f /t/", "", {}),
    "a file as a folder": ("COPY f1/x /t/", "", {}),
    "an empty folder": ("COPY empty /t/", "", {}),
    "an empty folder below": ("COPY full /t/", "", {}),
    "ignored below": ("COPY dir /t/", "**/*.md\ndir/sub\n", {}),
    "an ignored source": ("COPY dir/x.txt /t/", "dir\n", {}),
    "an ignored folder with an exception": ("COPY dir /t/", "dir\n!dir/sub/z.txt\n", {}),
    "an exception of a folder": ("COPY . /t/", "*\n!dir/sub\n", {}),
    "an exception with a wildcard": ("COPY . /t/", "*\n!*.txt\n", {}),
    "an exception taken back": ("COPY . /t/", "*\n!dir\ndir/sub\n!dir/sub/deep/q.txt\n", {}),
    "ignored by a wildcard": ("COPY plain/* /t/", "**/*.txt\n", {}),
    "a wildcard over ignored ones": ("COPY dir/* /t/", "dir/*\n!dir/sub/deep\n", {}),
    "an ignored link": ("COPY linkdir/x.txt /t/", "linkdir\n", {}),
    "a link to an ignored file": ("COPY link.txt /t/", "a.txt\n", {}),
    "the Dockerfile ignored": ("COPY Dockerfile /t/", "Dockerfile\n", {}),
    "the Dockerfile": ("COPY Dockerfile .dockerignore /t/", "f1\n", {}),
    "the ignore file ignored": ("COPY . /t/", ".dockerignore\nDockerfile\n", {}),
    "an empty folder ignored": ("COPY . /t/", "empty\nfull/*\n", {}),
    "all ignored": ("COPY . /t/", "*\n", {}),
    "a slash in front": ("COPY . /t/", "/dir/sub\n/f?\n!/f2\n", {}),
    "odd lines": ("COPY . /t/", "\ufeff# no\n  dir  \r\n#f1\n !f1 \nf2/\n./other/../a.txt\n", {}),
    "a variable": ("ARG N=1\nCOPY f$N /t/", "", {}),
    "a variable given": ("ARG N=1\nCOPY f${N} /t/", "", {"N": "2"}),
    "ENV over ARG": ("ARG N=1\nENV N=2\nCOPY f$N /t/", "", {"N": "1"}),
    "ARG after ENV": ("ENV N=2\nARG N=1\nCOPY f$N /t/", "", {}),
    "an ARG twice": ("ARG N=1\nARG N=2\nCOPY f$N /t/", "", {}),
    "an ARG twice, the second without a value": ("ARG N=1\nARG N\nCOPY f$N /t/", "", {}),
    "an ARG before FROM is not seen": ("ARG N=1\nFROM scratch\nCOPY f${N:-2} /t/", "", {}),
    "an ARG before FROM is taken in": ("ARG N=1\nFROM scratch\nARG N\nCOPY f${N:-2} /t/", "", {}),
    "an ARG before FROM with its own default": ("ARG N=1\nFROM scratch\nARG N=2\nCOPY f${N} /t/", "", {}),
    "an ARG of the stage before": ("FROM scratch AS a\nARG N=1\nFROM a\nCOPY f${N:-2} /t/", "", {}),
    "an ARG of another stage": ("FROM scratch AS a\nARG N=1\nFROM scratch\nCOPY f${N:-2} /t/", "", {}),
    "an ENV of the stage before": ("FROM scratch AS a\nENV N=1\nFROM a\nCOPY f${N:-2} /t/", "", {}),
    "an ENV that names itself": ("ENV N=1\nENV N=2 M=$N\nCOPY f$M /t/", "", {}),
    "an unset variable": ("COPY dir$NO/x.txt /t/", "", {}),
    "quotes in a word": ("COPY 'f1' \"f2\" /t/", "", {}),
    "a variable with a wildcard": ("ARG P=*.txt\nCOPY $P /t/", "", {}),
    "a variable in single quotes": ("ARG P=f1\nCOPY '$P' /t/", "", {}),
    "the architecture": ("ARG TARGETOS\nCOPY f${TARGETOS:+1} /t/", "", {}),
    "the architecture, not declared": ("COPY f${TARGETOS:-1} /t/", "", {}),
    "FROM by a variable": ("ARG B=scratch\nFROM $B\nCOPY f1 /t/", "", {}),
    "FROM a stage by a variable": ("ARG B=one\nFROM scratch AS one\nCOPY f1 /\nFROM ${B}\nCOPY f2 /", "", {}),
    "a stage that is not needed": ("FROM scratch AS no\nCOPY nothing /\nFROM scratch\nCOPY f1 /", "", {}),
    "from a stage by name": ("FROM scratch AS One\nCOPY dir /d\nFROM scratch\nCOPY --from=one /d/sub /s", "", {}),
    "from a stage by number": ("FROM scratch\nCOPY dir /d\nFROM scratch\nCOPY --from=0 /d/sub /s", "", {}),
    "one name twice": ("FROM scratch AS a\nCOPY f1 /\nFROM scratch AS a\nCOPY f2 /\nFROM a\n", "", {}),
    "a number too high": ("COPY --from=3 /x /y", "", {}),
    "ADD": ("ADD dir f1 /t/", "", {}),
    "ADD of an archive": ("ADD archive.tar /t/", "", {}),
    "COPY of an archive": ("COPY archive.tar /t/", "", {}),
    "ADD of archives by a wildcard": ("ADD *.tar /t/", "", {}),
    "an executable file": ("COPY exec.sh /t/", "", {}),
    "lower case and continuations": ("copy f1 \\\n  # a comment\n\n  f2 \\\n  /t/", "", {}),
    "an escape directive": ("# escape=`\nFROM scratch\nCOPY f1 `\n f2 /t/", "", {}),
    "ONBUILD": ("FROM scratch AS a\nONBUILD COPY f1 /\nFROM a\nCOPY f2 /", "", {}),
    "ONBUILD that nothing starts from": ("FROM scratch AS a\nONBUILD COPY nothing /\nCOPY f1 /", "", {}),
    "a folder over another": ("COPY dir /t\nCOPY other /t", "", {}),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("judge")
    for path in FILES:
        (root / "full" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "full" / path).write_text(f"content of {path}\n")
    (root / "full/exec.sh").write_text("#!/bin/sh\n")
    (root / "full/exec.sh").chmod(0o755)
    for folder in ("empty", "full/empty"):
        (root / "full" / folder).mkdir(parents=True)
    for path, target in LINKS.items():
        (root / "full" / path).symlink_to(target)
    with tarfile.open(root / "full/archive.tar", "w") as archive:
        archive.add(root / "full/dir", "unpacked")
    return root


@pytest.mark.engine
@pytest.mark.parametrize("name", CASES)
def test_the_chosen_files_build_what_the_context_builds(name: str, project: Path, tmp_path: Path) -> None:
    judge(CASES[name], project, tmp_path, [CLIENT, "build"], {"DOCKER_BUILDKIT": "1"})


def judge(
    case: tuple[str, str, dict[str, str]], project: Path, tmp_path: Path, command: list[str], environ: dict[str, str]
) -> None:
    """`command`: what builds, without its options."""
    text, ignore, args = case
    if "FROM" not in text:
        text = f"FROM scratch\n{text}"
    (project / "full/Dockerfile").write_text(text + "\n")
    (project / "full/.dockerignore").write_text(ignore)
    files = DockerfileFiles("full", "full/Dockerfile", None, args, {}, PLATFORM)
    command = [*command, "--no-cache", "-q"]
    whole = build(command, environ, project / "full", project / "full/Dockerfile", args, tmp_path / "whole")
    try:
        recipe = context.read(files, project, StatCache(tmp_path / "cache"))
    except SpecError as error:
        assert isinstance(whole, str), f"BuildKit takes it, and it was refused: {error}"
        return
    alone = tmp_path / "alone"
    alone.mkdir()
    with tarfile.open(fileobj=io.BytesIO(b"".join(context.tar(recipe.file_set, project, {})))) as archive:
        for member in archive.getmembers():
            assert (member.uid, member.gid, member.mtime) == (0, 0, EPOCH)
            archive.extract(member, alone)
    (tmp_path / "Dockerfile").write_text(context.sent(recipe, pins={})[0])
    chosen = build(command, environ, alone, tmp_path / "Dockerfile", args, tmp_path / "chosen")
    assert chosen == whole
    assert not isinstance(whole, str), f"BuildKit refuses it, and nothing was said: {whole}"


def build(
    command: list[str], environ: dict[str, str], folder: Path, dockerfile: Path, args: dict[str, str], out: Path
) -> dict[str, str] | str:
    """What lands in the image, or the words of the failure."""
    command = [*command, "-o", str(out), "-f", str(dockerfile)]
    command += [word for name, value in args.items() for word in ("--build-arg", f"{name}={value}")]
    ran = subprocess.run([*command, str(folder)], env={**os.environ, **environ}, capture_output=True, text=True)
    if ran.returncode:
        # a later client names its session in the message
        return re.sub(r"ref [\w-]+::\w+", "ref", ran.stderr.strip().splitlines()[-1])
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"  # noqa: PTH115  # its text
        elif path.is_dir():
            found[name] = f"dir {path.stat().st_mode:o}"
        else:
            found[name] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found
