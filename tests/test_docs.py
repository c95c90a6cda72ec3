"""What the documents say exists: commands, options, links, files, pipelines, and what works on which target."""

from __future__ import annotations

import contextlib
import re
import shlex
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from bedplate import specfile
from bedplate.specfile.rules import schema_path

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "images/**/*.md") for page in ROOT.glob(pattern)
)
TOP = ("bedplate", "steps", "schemas", "docs", "tests", "images", "services", "examples", "benchmarks", ".ci")
# `doit inputs IMAGE`, `doit check [IMAGE or TASK ...]`
PLACEHOLDER = re.compile(r"(\w+:)?[A-Z]+|or|\.\.\.")
# pages use names of the demo, of README's own example, and of two tasks that they make up
NAMES = {"deploy:line", "hello"}


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Language and text of each fenced or indented block of code."""
    fenced = r"^( *)```(\w*)\n(.*?)^ *```$"
    for _, language, body in re.findall(fenced, text(page), re.S | re.M):
        yield language, textwrap.dedent(body)
    for body in re.findall(r"(?:^ {4}.*\n|^\n)+", re.sub(fenced, "", text(page), flags=re.S | re.M), re.M):
        if body.strip():
            yield "", textwrap.dedent(body)


def spans(page: Path) -> Iterator[str]:
    """What stands between backticks in running text."""
    prose = re.sub(r"```.*?```", "", text(page), flags=re.S)
    prose = "\n".join(line for line in prose.split("\n") if not line.startswith("    "))
    yield from (span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", prose))


def command_lines(page: Path) -> Iterator[list[str]]:
    """The words behind each `doit` or `./run` that a page tells to type."""
    candidates = [line for _, body in blocks(page) for line in body.splitlines()]
    for line in (*candidates, *spans(page)):
        typed = re.fullmatch(r"(?:\$ )?(?:[A-Z_]+=\S+ )*(?:doit|\./run)((?: .*)?)", line.rstrip())
        if typed:
            yield shlex.split(typed[1], comments=True)


class Doit(NamedTuple):
    """doit as it is configured here, without running anything."""

    commands: Any  # doit's own dict of classes, loaded when asked for
    loader: Any

    def parsed(self, words: list[str]) -> tuple[str, list[str]]:
        """The command and its positional words. Raises doit's error for an unknown option."""
        from doit.cmdparse import CmdOption, CmdParse, CmdParseError

        # options of the loader may stand before the command, as doit's own main has it
        with contextlib.suppress(CmdParseError):
            _, words = CmdParse([CmdOption(option) for option in self.loader.cmd_options]).parse_only(words)
        words = [word for word in words if word.startswith("-") or "=" not in word]
        chosen = words.pop(0) if words and words[0] in self.commands else "run"
        command = self.commands.get_plugin(chosen)(task_loader=self.loader, config={}, cmds=self.commands)
        _, positional = command.cmdparser.parse(words)
        return chosen, positional

    def ours(self) -> dict[str, set[str]]:
        """Options of each command of ours, beyond those of every command."""
        classes = {word: self.commands.get_plugin(word) for word in self.commands}
        return {
            word: {f"--{option['long']}" for option in found.cmd_options}
            for word, found in classes.items()
            if found.__module__.startswith("bedplate.") and word != "run"  # its options are doit's
        }


@pytest.fixture(scope="module")
def doit() -> Iterator[Doit]:
    from doit.doit_cmd import DoitMain

    from bedplate.tasks.loader import Loader

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # doit reads its configuration in the current folder
        yield Doit(DoitMain().get_cmds(), Loader())


def known_words() -> set[str]:
    import steps

    demo = specfile.load(ROOT / "pipeline.yaml")
    tasks = {task.name for step in steps.load().values() for task in step.tasks(demo)}
    return {*tasks, *steps.ORDER, *demo.images, *demo.environments}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_something(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", text(page), flags=re.S)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        headings = re.findall(r"^#+ (.*)$", text(there), re.M) if there.suffix == ".md" and there.exists() else []
        anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
        if not there.exists() or (anchor and anchor not in anchors):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page: Path) -> None:
    missing = []
    for span in spans(page):
        if not re.fullmatch(r"[\w./*-]+", span) or "/" not in span or span.split("/")[0] not in TOP:
            continue
        path, folders = span.rstrip("/"), (ROOT, page.parent)
        if not any(list(folder.glob(path)) for folder in folders) and not span.startswith("images/gpu/"):
            missing.append(span)
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_that_are_named_exist_with_their_options(page: Path, doit: Doit) -> None:
    from doit.cmdparse import CmdParseError

    known, wrong = known_words() | NAMES, []
    for words in command_lines(page):
        try:
            chosen, positional = doit.parsed(words)
        except CmdParseError as error:
            wrong.append(f"doit {' '.join(words)}: {error}")
            continue
        if chosen == "help":
            positional = [word for word in positional if word not in doit.commands]
        if page.is_relative_to(ROOT / "examples"):
            continue  # a project of its own, with names of its own
        for word in positional:
            if word not in known and not PLACEHOLDER.fullmatch(word.strip("[]")):
                wrong.append(f"doit {' '.join(words)}: no command, task or image {word!r}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pipelines_that_are_shown_are_valid(page: Path) -> None:
    for language, body in blocks(page):
        if language in ("", "yaml") and re.search(r"^version: 1$", body, re.M) and re.search(r"^project: ", body, re.M):
            specfile.read(body.encode(), schema_path().read_bytes(), name(page))
        elif language == "yaml":
            yaml.safe_load(body)


def test_every_command_of_ours_and_each_of_its_options_is_explained(doit: Doit) -> None:
    said = list(command_lines(ROOT / "docs/commands.md"))
    ours = doit.ours()
    missing = [word for word in ours if not any(words[:1] == [word] for words in said)]
    missing += [
        f"{word} {option}"
        for word, options in ours.items()
        for option in sorted(options)
        if not any(words[0] == word and option in words for words in said if words)
    ]
    assert {"plan", "lock"} <= ours.keys()
    assert missing == []


def test_the_readme_says_of_each_kind_whether_it_works() -> None:
    import steps.create_environment
    import steps.deploy
    import steps.resolve_registry

    table = text(ROOT / "README.md").partition("## Targets")[2].partition("\n## ")[0]
    rows, part = [], ""
    for first, what, works in re.findall(r"^\| (\w*) ?\| (`.*?) \| (.*?) \|$", table, re.M):
        part = first or part
        rows += [(part, kind, works.partition(":")[0]) for kind in re.findall(r"`(\w+)`", what.partition(":")[0])]
    for word, module in (
        ("registry", steps.resolve_registry),
        ("environment", steps.create_environment),
        ("deploy", steps.deploy),
    ):
        said = {kind: works for part, kind, works in rows if part == word}
        assert said.keys() == set(module.VARIANTS.kinds.values()), word
        for kind, works in said.items():
            assert module.VARIANTS.of_kind(kind)
            assert works in {"yes", "against a stand-in of Azure"}, kind


def test_the_documents_that_are_listed_are_all_there_are() -> None:
    listed = set(re.findall(r"\]\((?:\.\./)?([\w.-]+)\)", text(ROOT / "docs/README.md")))
    there = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert there - listed == set()


def test_the_picture_of_a_run_is_small_and_shows_commands_that_exist(doit: Doit) -> None:
    picture = ROOT / "docs/cast.svg"
    assert picture.stat().st_size < 100_000
    rows = ["".join(row.itertext()) for row in ET.fromstring(text(picture)).iter("{http://www.w3.org/2000/svg}g")]
    typed = [shlex.split(row.strip())[1:] for row in rows if re.match(r"\s*\$\s*doit", row)]
    assert typed
    for words in typed:
        chosen, positional = doit.parsed(words[1:])
        assert not positional
        assert chosen in ("run", "plan")
