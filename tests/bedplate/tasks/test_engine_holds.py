"""What the engine says is looked at closely only where its lists are not those that came to the same before."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from listing import listing_engine

from bedplate import labels
from bedplate.clients import engine_lists
from bedplate.questions import AskContainer, AskFile, AskImage, ContainerSeen
from bedplate.tasks import stamp
from bedplate.tasks.shortcut import Shortcut

SAID = ("iris: nothing to do",)
Lists = dict[str, Any]


def image(name: str) -> dict[str, Any]:
    said = {"Labels": {"name": name}, "RepoTags": [f"iris/{name}:fp-1"]}
    return {"Containers": -1, "Created": 17, "Id": f"sha256:{name}", **said, "Size": 13}


def container(name: str) -> dict[str, Any]:
    said = {labels.PROJECT: "iris", "name": name, "said": 'a "},{" in it'}
    ports = [{"IP": "127.0.0.1", "PrivatePort": port, "PublicPort": port, "Type": "tcp"} for port in (80, 81)]
    what = {"Id": name, "Names": [f"/iris-{name}"], "Created": 17, "Ports": ports, "Labels": said}
    return {**what, "State": "running", "Status": "Up 3 hours", "Mounts": []}


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lists]:
    """What an engine says, and a stamp of a run that it said this to; a look at the stamp has held."""
    lists: Lists = {
        "images": [image(name) for name in ("a", "b", "c")],
        "containers": [container(name) for name in ("x", "y")],
    }
    monkeypatch.chdir(tmp_path)
    with listing_engine(tmp_path, lists) as (address, _):
        monkeypatch.setenv("DOCKER_HOST", address)
        keep(lists)
        assert holds()
        yield lists


def keep(lists: Lists) -> None:
    """A stamp whose answers are what these lists say."""
    tags = {tag: image["Labels"] for image in lists["images"] for tag in image["RepoTags"]}
    asked = {AskImage(f"iris/{name}:fp-1"): tags.get(f"iris/{name}:fp-1") for name in ("a", "b", "c", "gone")}
    seen = {c["Names"][0].removeprefix("/"): ContainerSeen(c["State"], c["Labels"]) for c in lists["containers"]}
    answers = {**asked, **{AskContainer(f"iris-{name}"): seen.get(f"iris-{name}") for name in ("x", "y")}}
    shortcut = Shortcut(Path.cwd(), None)
    look = stamp.look(["/"], stamp.times(["/"]))
    said = stamp.engine_said(shortcut.made_by, answers)
    config = {"dep_file": "records"}
    made = stamp.Stamp(shortcut.made_by, look, {AskFile("there"): False}, said, (), SAID, config)
    stamp.write(shortcut.file, made, time.time_ns() + 60_000_000_000)


def holds() -> bool:
    said = Shortcut(Path.cwd(), None).said(lambda host: pytest.fail(f"{host} was asked"))
    assert said in (SAID, None)
    return said is not None


def known() -> Path:
    return Path.cwd() / ".bedplate/cache/lists."


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on neither the lists nor the answers are read."""
    monkeypatch.setattr(engine_lists.json, "loads", lambda text: pytest.fail("the lists are read"))
    monkeypatch.setattr(stamp, "of_engine", lambda stamp: pytest.fail("the answers are read"))


def nothing(lists: Lists) -> None:
    pass


def shuffled(lists: Lists) -> None:
    for said in lists.values():
        said.reverse()


def an_hour_later(lists: Lists) -> None:
    for one in lists["containers"]:
        one["Status"] = "Up 4 hours"


def ports_shuffled(lists: Lists) -> None:
    lists["containers"][0]["Ports"].reverse()


SAME = [nothing, shuffled, an_hour_later, ports_shuffled]


@pytest.mark.parametrize("act", SAME)
def test_lists_that_came_to_the_same_before_are_not_read(
    lists: Lists, act: Callable[[Lists], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    act(lists)
    unread(monkeypatch)
    assert holds()


def image_removed(lists: Lists) -> None:
    del lists["images"][1]


def tag_moved(lists: Lists) -> None:
    lists["images"][1]["RepoTags"] = lists["images"][0].pop("RepoTags")


def tags_swapped(lists: Lists) -> None:
    one, other = lists["images"][:2]
    one["RepoTags"], other["RepoTags"] = other["RepoTags"], one["RepoTags"]


def image_of_another_label(lists: Lists) -> None:
    lists["images"][0]["Labels"] = {"name": "other"}


def image_appeared(lists: Lists) -> None:
    lists["images"].append(image("gone"))


def container_stopped(lists: Lists) -> None:
    lists["containers"][0].update(State="exited", Status="Exited (0) 3 seconds ago")


def container_removed(lists: Lists) -> None:
    del lists["containers"][0]


def container_renamed(lists: Lists) -> None:
    lists["containers"][0]["Names"] = ["/other"]


def containers_swapped(lists: Lists) -> None:
    one, other = lists["containers"]
    one["Names"], other["Names"] = other["Names"], one["Names"]


def container_of_another_label(lists: Lists) -> None:
    lists["containers"][0]["Labels"]["name"] = "other"


def nothing_left(lists: Lists) -> None:
    lists.update(images=[], containers=[])


def refused(lists: Lists) -> None:
    lists["containers"] = 500


IMAGES = [image_removed, tag_moved, tags_swapped, image_of_another_label, image_appeared]
CONTAINERS = [container_stopped, container_removed, container_renamed, containers_swapped, container_of_another_label]


@pytest.mark.parametrize("act", [*IMAGES, *CONTAINERS, nothing_left, refused])
def test_what_the_engine_says_otherwise_is_noticed_every_time(lists: Lists, act: Callable[[Lists], None]) -> None:
    act(lists)
    assert not holds()
    assert not holds(), "what does not hold is not known the next time"
    known().unlink()
    assert not holds()


def test_an_engine_that_is_down_is_noticed(lists: Lists, tmp_path: Path) -> None:
    (tmp_path / "s").unlink()
    assert not holds()


def test_something_else_that_changes_is_read_once(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    lists["images"].append(image("other"))
    before = known().read_bytes()
    assert holds()
    assert known().read_bytes() != before
    unread(monkeypatch)
    assert holds()


def test_what_is_not_the_engines_is_asked_each_time(lists: Lists, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    assert not holds()


def missing(file: Path) -> None:
    file.unlink()


def broken(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("lose", [missing, broken, empty, a_folder])
def test_without_the_sum_the_lists_are_read(lists: Lists, lose: Callable[[Path], None]) -> None:
    lose(known())
    assert holds()
    lists["containers"][0]["State"] = "exited"
    assert not holds()


def test_the_sum_of_an_older_stamp_says_nothing_of_a_newer_one(lists: Lists) -> None:
    before = json.loads(json.dumps(lists))
    container_stopped(lists)
    keep(lists)
    lists.update(before)
    assert not holds()


@pytest.mark.parametrize("seed", range(20))
def test_any_change_is_told_as_if_nothing_were_known(lists: Lists, seed: int) -> None:
    draw = random.Random(seed)
    for act in draw.choices([*SAME, *IMAGES[:1], *CONTAINERS[:1], image_appeared], k=3):
        act(lists)
        said = holds()
        known().unlink(missing_ok=True)
        assert said == holds()
