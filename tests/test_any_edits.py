"""After any edits, at any moment, what is looked at says what a look says that knows nothing of before."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bedplate.errors import SpecError, StepError
from bedplate.tasks import plan
from bedplate.tasks.session import Session
from bedplate.tasks.shortcut import Shortcut
from tests.conftest import DOIT, Pipeline
from tests.test_touched import NAMES, SHARING, made, settled, write

__all__ = ["made", "settled"]  # fixtures
pytestmark = pytest.mark.engine

Random = random.Random
FOLDERS = ("images", "models", "code", "shared", "links")
ENOUGH = 3  # looks in a row that a mistake may end, before it is mended


def files(root: Path, *folders: str) -> list[Path]:
    """Sorted. What a link leads to is not among them."""
    found = (
        Path(base) / name for top in folders or FOLDERS for base, _, names in os.walk(root / top) for name in names
    )
    return sorted(path for path in found if not path.is_symlink())


def added(root: Path, random_: Random) -> Path:
    """A file that an edit has put there."""
    return random_.choice([file for file in files(root) if file.name.startswith("f")])


def folder(root: Path, random_: Random) -> Path:
    return random_.choice(sorted({file.parent for file in files(root)}))


def text(root: Path, random_: Random) -> Path:
    return random_.choice([file for file in files(root) if file.suffix in (".txt", ".py")])


def dockerfile(root: Path, random_: Random) -> Path:
    return random_.choice([file for file in files(root) if file.name.endswith("Dockerfile")])


def a_line_more(root: Path, random_: Random) -> None:
    file = text(root, random_)
    write(file, f"{file.read_text(encoding='utf-8')}# {random_.random()}\n")


def another_letter_at_the_same_time(root: Path, random_: Random) -> None:
    file = text(root, random_)
    was = file.stat()
    write(file, file.read_text(encoding="utf-8")[:-1] + random_.choice("abcdefgh"))
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))


def a_file_more(root: Path, random_: Random) -> None:
    write(folder(root, random_) / f"f{random_.randrange(1000)}.{random_.choice(['txt', 'py', 'log'])}", "new")


def a_folder_more(root: Path, random_: Random) -> None:
    write(folder(root, random_) / f"d{random_.randrange(1000)}/f.txt", "new")


def a_link_more(root: Path, random_: Random) -> None:
    link = folder(root, random_) / f"l{random_.randrange(1000)}"
    link.symlink_to(random_.choice(["nowhere", "main.txt", "../../n03/app"]))


def a_comment(root: Path, random_: Random) -> None:
    file = dockerfile(root, random_)
    write(file, f"{file.read_text(encoding='utf-8')}# {random_.random()}\n")


def an_instruction(root: Path, random_: Random) -> None:
    file = dockerfile(root, random_)
    more = random_.choice([f"ENV A{random_.randrange(9)}=1\n", "COPY *.txt /t/\n", "COPY absent /a\n"])
    write(file, file.read_text(encoding="utf-8") + more)


def an_instruction_less(root: Path, random_: Random) -> None:
    file = dockerfile(root, random_)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    write(file, "".join(lines[:-1] if len(lines) > 3 else lines))


def an_ignore_file(root: Path, random_: Random) -> None:
    file = random_.choice(
        [root / f"images/{random_.choice(NAMES)}/.dockerignore", root / "links/ignored"]
        + [root / f"shared/{name}.Dockerfile.dockerignore" for name in (*SHARING, "beside")]
    )
    if file.exists() and file.name != "ignored" and random_.random() < 0.5:
        file.unlink()
    else:
        write(file, random_.choice(["*.log\n", "**/f*\n", "app/f*\n!app/f9*\n", "d*\n"]))


def executable(root: Path, random_: Random) -> None:
    file = text(root, random_)
    file.chmod(file.stat().st_mode ^ 0o111)


def only_touched(root: Path, random_: Random) -> None:
    random_.choice(files(root)).touch()


def gone(root: Path, random_: Random) -> None:
    added(root, random_).unlink()


def under_another_name(root: Path, random_: Random) -> None:
    file = added(root, random_)
    file.rename(file.with_name(f"f{random_.randrange(1000)}.txt"))


def a_folder_in_place_of_a_file(root: Path, random_: Random) -> None:
    file = added(root, random_)
    file.unlink()
    write(file / "f.txt", "in it")


def a_folder_gone(root: Path, random_: Random) -> None:
    shutil.rmtree(random_.choice([file.parent for file in files(root) if file.parent.name.startswith(("d", "f"))]))


def two_swapped(root: Path, random_: Random) -> None:
    one, other = text(root, random_), text(root, random_)
    if one != other:
        one.rename(root / "swapped")
        other.rename(one)
        (root / "swapped").rename(other)


def two_folders_swapped(root: Path, random_: Random) -> None:
    one, other = (root / f"images/{name}/app" for name in random_.sample(NAMES, 2))
    one.rename(root / "swapped")
    other.rename(one)
    (root / "swapped").rename(other)


def another_link(root: Path, random_: Random) -> None:
    link = root / "links/folder"
    link.unlink()
    link.symlink_to(random_.choice(["context", "../images/n09"]))


def what_was_written_gone(root: Path, random_: Random) -> None:
    shutil.rmtree(random_.choice(sorted((root / "build/here").glob("*/n*"))))


def the_spec(root: Path, random_: Random) -> None:
    file = root / "pipeline.yaml"
    name = random_.choice(NAMES)
    whole, more = f"  {name}: {{image: {name}, user_managed: true", ", variables: {A: b}}"
    content = file.read_text(encoding="utf-8")
    write(file, content.replace(f"{whole}{more}", f"{whole}}}").replace(f"{whole}}}", f"{whole}{more}"))


EDITS: list[Callable[[Path, Random], None]] = [
    *[a_line_more] * 5,
    *[another_letter_at_the_same_time] * 2,
    *[a_file_more] * 3,
    a_folder_more,
    a_link_more,
    a_comment,
    *[an_instruction] * 2,
    *[an_instruction_less] * 2,
    *[an_ignore_file] * 2,
    executable,
    only_touched,
    *[gone] * 2,
    under_another_name,
    a_folder_in_place_of_a_file,
    a_folder_gone,
    two_swapped,
    two_folders_swapped,
    another_link,
    what_was_written_gone,
    the_spec,
]


def edit(root: Path, random_: Random) -> str:
    chosen = random_.choice(EDITS)
    try:
        chosen(root, random_)
    except (IndexError, FileExistsError, NotADirectoryError, FileNotFoundError):
        return f"({chosen.__name__})"
    return chosen.__name__


def look(root: Path) -> tuple[str, str]:
    """How a command would look at the project that uses what is kept, and what it would say."""
    shortcut = Shortcut(root, None)
    said = shortcut.said(lambda host: Session(root, None).world.registry_at(host))
    if said is not None:
        return "shortcut", "\n".join(said)
    part = shortcut.part(lambda host: Session(root, None).world.registry_at(host))
    if part is not None:
        part.state = part.state.some(task.name for task in part.tasks)
        try:
            return "part", planned(part)
        except (SpecError, StepError):
            pass  # a look at all of it tells of what is wrong
    try:
        return "whole", planned(Session(root, None))
    except (SpecError, StepError) as error:
        return "mistake", str(error)


def planned(session: Session) -> str:
    return "\n".join(plan.text(plan.look(session, set(), locked=False)))


def look_at_all(root: Path) -> str:
    """What is said where nothing is known but the records."""
    cache, aside = root / ".bedplate/cache", root / ".bedplate/aside"
    cache.rename(aside)
    try:
        return planned(Session(root, None))
    except (SpecError, StepError) as error:
        return str(error)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
        aside.rename(cache)


class Project:
    """The project under edit. `story`: all that was done to it since nothing was left to do."""

    def __init__(self, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        for key, value in pipeline.environ.items():
            monkeypatch.setenv(key, value)
        monkeypatch.chdir(pipeline.root)
        self.pipeline, self.root, self.random = pipeline, pipeline.root, Random(seed)
        self.story = [f"seed {seed}"]
        self.ways: list[str] = []
        self.mistakes = 0
        self.aside = pipeline.root.parent / f"aside{seed}"
        for name in (*FOLDERS, "pipeline.yaml"):
            self._copy(self.root / name, self.aside / name)

    def edit(self) -> None:
        self.story.append(edit(self.root, self.random))

    def look(self) -> None:
        way, said = look(self.root)
        self.ways.append(way)
        assert said == look_at_all(self.root), f"by {way}, after {self.story}"
        self.mistakes = self.mistakes + 1 if way == "mistake" else 0

    def run(self, act: str) -> None:
        """`killed` and `edited`: while it goes on."""
        self.story.append(act)
        run = subprocess.Popen(
            [DOIT], cwd=self.root, env=self.pipeline.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if act == "killed":
            time.sleep(self.random.random() * 1.5)
            run.kill()
        while act == "edited" and run.poll() is None and self.random.random() < 0.7:
            time.sleep(self.random.random() * 0.6)
            self.edit()
        if run.wait() == 1:
            self.mistakes += 1

    def settle(self) -> None:
        if self.mistakes > ENOUGH:
            self.restore()
        for _ in range(2):
            self.run("again")
            time.sleep(0.04)
        self.look()
        self.story = self.story[:1]

    def restore(self) -> None:
        for name in (*FOLDERS, "pipeline.yaml"):
            if (self.root / name).is_dir():
                shutil.rmtree(self.root / name)
            self._copy(self.aside / name, self.root / name)

    def _copy(self, source: Path, to: Path) -> None:
        to.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, to, symlinks=True)
        else:
            shutil.copy(source, to)


def any_edits(project: Project, steps: int) -> None:
    for _ in range(steps):
        for _ in range(project.random.choice([1, 1, 2])):
            project.edit()
        project.look()
        if project.random.random() < 0.3 or project.mistakes > ENOUGH:
            project.run(project.random.choice(["run", "edited", "killed"]))
            project.look()
            if project.random.random() < 0.7 or project.mistakes > ENOUGH:
                project.settle()


def test_after_any_edits_a_part_says_what_the_whole_says(settled: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(settled, monkeypatch, 1)
    for _ in range(5):
        project.edit()
        project.look()
    assert "part" in project.ways
    project.restore()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 8))
def test_after_any_edits_at_length(settled: Pipeline, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    project = Project(settled, monkeypatch, seed)
    any_edits(project, 60)
    assert project.ways.count("part") >= 10, project.ways
    project.restore()
