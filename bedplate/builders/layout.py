"""layout: what a builder is sent: the files of a build, and the Dockerfile that fits where they lie."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from bedplate.builders.host_settings import FOLDER
from bedplate.dockerfile import reader as dockerfile_reader
from bedplate.dockerfile.reader import Instruction
from bedplate.frozen import dataclass
from bedplate.step import BuildRequest, ReadFile

# The engine's API takes the Dockerfile and the extra files in the context itself, where `COPY . /app` would take them
# too. Then the user's files lie one folder deeper and reach the instructions through a stage of their own:
# docs/decisions/build-context.md.
DOCKERFILE = f"{FOLDER}/Dockerfile"
BELOW = "context"
STAGE = "bedplate-context"
FROM_STAGE = f"--from={STAGE}"

REMOTE = re.compile(r"(?:https?|git|ssh)://|git@|[^/]*\.git(?:#|$)|<<")
Lines: TypeAlias = list[tuple[str, int]]  # a line and the line of the file on disk that it comes from


@dataclass(frozen=True)
class Layout:
    """`below`: the folder of the context that holds the user's files, "" where they lie at its top."""

    dockerfile: str
    lines: Mapping[int, int]  # line of `dockerfile` -> line of the file on disk
    target: str | None
    below: str
    files: Collection[ReadFile]  # named relative to `below`
    extra: Mapping[str, bytes]  # the Dockerfile and what is there for this build only, named from the top


def lay_out(request: BuildRequest) -> Layout:
    """Raises SpecError where the Dockerfile cannot be read."""
    parsed = dockerfile_reader.parse(request.dockerfile, request.dockerfile_path)
    layout = Layout(
        dockerfile=request.dockerfile,
        lines=request.lines,
        target=request.target,
        below="",
        files=tuple(sorted(request.file_set.files, key=lambda file: file.path)),
        extra={**request.extra_files, DOCKERFILE: request.dockerfile.encode()},
    )
    # an ignore file at the top of what is posted: the classic builder heeds parts of it, a later BuildKit may heed all
    obeyed = any(file.path == ".dockerignore" for file in layout.files)
    if not obeyed and not any(_takes_the_top(instruction) for instruction in parsed.instructions):
        return layout
    source: Lines = [(line, request.lines.get(n, 0)) for n, line in enumerate(request.dockerfile.split("\n"), 1)]
    sent = [line for part in _nested(source, parsed.instructions) for line in part]
    text = "\n".join(line for line, _ in sent)
    return replace(
        layout,
        dockerfile=text,
        lines={number: origin for number, (_, origin) in enumerate(sent, 1) if origin},
        target=_one_more(layout.target) if layout.target else None,
        below=BELOW,
        extra={**layout.extra, DOCKERFILE: text.encode()},
    )


def apart(request: BuildRequest) -> tuple[Layout, Mapping[str, bytes]]:
    """For a session, in which the Dockerfile is sent beside the context: the user's files alone, and what is there
    for this build only as secrets by their names."""
    text = request.dockerfile
    secrets = {}
    for name, content in request.extra_files.items():
        secret = name.replace("/", "-").strip(".")
        secrets[secret] = content
        # a secret is the root user's alone unless it is said otherwise
        text = text.replace(f"type=bind,source={name},", f"type=secret,id={secret},mode=0444,")
    return Layout(text, request.lines, request.target, "", request.file_set.files, {}), secrets


def beside(request: BuildRequest) -> Layout:
    """For a builder that takes a folder as its context and the Dockerfile from beside it: nothing is rewritten."""
    extra = {**request.extra_files, DOCKERFILE: request.dockerfile.encode()}
    return Layout(request.dockerfile, request.lines, request.target, BELOW, request.file_set.files, extra)


def mixed(request: BuildRequest) -> str:
    """`COPY . /app`: an ONBUILD of a parent that would take what `lay_out` puts beside the user's files, or not find
    these. No text of ours holds it that could be rewritten. "": there is none. Raises SpecError."""
    takes = [at for at in request.triggers if _reads_the_context(at)]
    if not takes:
        return ""
    nested = bool(lay_out(request).below)
    return next((at.original for at in takes if nested or _takes_the_top(at)), "")


def shown(name: str) -> str:
    """An instruction's text as the user wrote it, without the flags that were put in for the build."""
    return re.sub(rf"--mount=\S*{re.escape(FOLDER.strip('.'))}\S*\s+|{FROM_STAGE}\s+|,from={STAGE}\b", "", name)


def _takes_the_top(instruction: Instruction) -> bool:
    """Could it reach what lies beside the user's files? A pattern or a variable might."""
    if instruction.keyword in ("COPY", "ADD") and instruction.flag("from") is None:
        sources = (w for w in _sources(instruction) if not REMOTE.match(w))
        return any(re.search(r"[*?\[\\$]", source) or _cleaned(source) == "" for source in sources)
    if instruction.keyword == "RUN":
        mounts = (_options(mount) for mount in instruction.values("mount"))
        binds = (m for m in mounts if m.get("type", "bind") == "bind" and "from" not in m)
        return any("$" in _source(bind) or _cleaned(_source(bind)) == "" for bind in binds)
    return False


def _reads_the_context(instruction: Instruction) -> bool:
    if instruction.keyword in ("COPY", "ADD"):
        return instruction.flag("from") is None and not all(REMOTE.match(w) for w in _sources(instruction))
    binds = (_options(mount) for mount in instruction.values("mount"))
    return any(m.get("type", "bind") == "bind" and "from" not in m for m in binds)


def _nested(source: Lines, instructions: tuple[Instruction, ...]) -> Iterator[Lines]:
    at = 0
    begun = False
    for instruction in instructions:
        first, end = instruction.line - 1, instruction.end_line
        yield source[at:first]
        if instruction.keyword == "FROM" and not begun:
            begun = True
            yield [(f"FROM scratch AS {STAGE}", 0), (f"COPY {BELOW}/ /", 0)]
        yield _redirected(instruction, source[first:end])
        at = end
    yield source[at:]


def _redirected(instruction: Instruction, lines: Lines) -> Lines:
    """The instruction's lines, taking the user's files from the stage that holds them."""
    from_ = instruction.flag("from")
    if instruction.keyword in ("COPY", "ADD") and from_ is not None:
        return _replaced(lines, f"--from={from_}", f"--from={_one_more(from_)}")
    if instruction.keyword == "COPY" and _sources(instruction):
        return _flagged(instruction, lines, "COPY")
    if instruction.keyword == "ADD" and not all(REMOTE.match(source) for source in _sources(instruction)):
        if all(_cleaned(source) == "" for source in _sources(instruction)):
            return _flagged(instruction, lines, "COPY")  # of a folder, both take the same
        return _deeper(instruction, lines)
    if instruction.keyword == "RUN":
        for mount in instruction.values("mount"):
            options = _options(mount)
            if "from" in options:
                lines = _replaced(lines, f"from={options['from']}", f"from={_one_more(options['from'])}")
            elif options.get("type", "bind") == "bind" and not _source(options).startswith(FOLDER):
                lines = _replaced(lines, f"--mount={mount}", f"--mount={mount},from={STAGE}")
    return lines


def _flagged(instruction: Instruction, lines: Lines, keyword: str) -> Lines:
    (first, origin), *others = lines
    before, after = first[: instruction.column - 1], first[instruction.column - 1 + len(instruction.keyword) :]
    return [(f"{before}{keyword} {FROM_STAGE}{after}", origin), *others]


def _deeper(instruction: Instruction, lines: Lines) -> Lines:
    # only ADD unpacks an archive, and it takes nothing from a stage
    *sources, destination = instruction.words
    words = [w if REMOTE.match(w) else f"{BELOW}/{w.removeprefix('/')}" for w in sources]
    if instruction.json:
        inner = ", ".join(_quoted(word) for word in [*words, destination])
        return [(" ".join(["ADD", *instruction.flags, f"[{inner}]"]), lines[0][1])]
    first = " ".join(["ADD", *instruction.flags, *words, destination])
    return [(first, lines[0][1]), *(lines[-len(_bodies(instruction)) :] if instruction.heredocs else [])]


def _bodies(instruction: Instruction) -> list[str]:
    return [line for heredoc in instruction.heredocs for line in [*heredoc.content.splitlines(), heredoc.name]]


def _replaced(lines: Lines, old: str, new: str) -> Lines:
    return [(line.replace(old, new), origin) for line, origin in lines] if old != new else lines


def _sources(instruction: Instruction) -> tuple[str, ...]:
    return tuple(word for word in instruction.words[:-1] if not word.startswith("<<"))


def _options(mount: str) -> dict[str, str]:
    return {key.lower(): value for key, _, value in (part.partition("=") for part in mount.split(","))}


def _source(options: Mapping[str, str]) -> str:
    return options.get("source") or options.get("src") or ""


def _cleaned(path: str) -> str:
    """Below the context, as the builder sees it: a leading slash or `..` leads to its top."""
    return posixpath.normpath("/" + path.strip("'\"")).strip("/")


def _one_more(stage: str) -> str:
    """Stages may be named by their number, and one has come in front."""
    return str(int(stage) + 1) if re.fullmatch("[0-9]+", stage) else stage


def _quoted(word: str) -> str:
    import json

    return json.dumps(word, ensure_ascii=False)
