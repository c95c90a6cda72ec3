"""The state file: what finished is on disk when put() returns, whatever happens after."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bedplate.state import Record, State


def entry(text: str = "a") -> dict[str, object]:
    return {"_values_:": {"parts": {"arg A": text}, "output": {"noun": "Registry"}, "identity": text}, "deps:": []}


def test_what_was_put_is_read_back_by_another_process(tmp_path: Path) -> None:
    State(tmp_path / "local.jsonl").put("push:os", entry("x"))
    assert State(tmp_path / "local.jsonl").record("push:os") == Record({"arg A": "x"}, {"noun": "Registry"}, "x")


def test_the_last_line_of_a_name_counts(tmp_path: Path) -> None:
    state = State(tmp_path / "s")
    state.put("a", entry("1"))
    state.put("a", entry("2"))
    again = State(tmp_path / "s").record("a")
    assert again is not None and again.identity == "2"


def test_a_line_that_a_kill_cut_short_is_dropped_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / "s"
    State(path).put("a", entry("1"))
    with open(path, "ab") as file:
        file.write(b'["b",{"_values_:"')
    state = State(path)
    assert state.record("a") is not None and state.record("b") is None
    state.put("c", entry("3"))
    assert State(path).record("c") is not None, "the cut line must not swallow the next one"


def test_a_line_that_is_not_ours_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "s"
    State(path).put("a", entry())
    with open(path, "ab") as file:
        file.write(b'hello\n[1]\n{"x":2}\n["d",7]\n')
    assert set(State(path).entries) == {"a"}


def test_a_failure_keeps_the_last_good_record_and_says_so(tmp_path: Path) -> None:
    state = State(tmp_path / "s")
    state.put("a", entry("1"))
    state.fail("a", "f1")
    record = State(tmp_path / "s").record("a")
    assert record is not None and record.failed == "f1" and record.identity == "1"


def test_a_failure_without_a_record_leaves_no_record(tmp_path: Path) -> None:
    state = State(tmp_path / "s")
    state.fail("a", "f1")
    assert State(tmp_path / "s").record("a") is None


def test_compacting_keeps_every_entry_and_leaves_no_draft(tmp_path: Path) -> None:
    state = State(tmp_path / "s")
    for n in range(60):
        state.put(f"t{n % 3}", entry(str(n)))
    state.compact(unless_small=True)
    assert len((tmp_path / "s").read_bytes().splitlines()) == 3
    assert {n: e["_values_:"]["identity"] for n, e in State(tmp_path / "s").entries.items()} == {
        "t0": "57", "t1": "58", "t2": "59",
    }  # fmt: skip
    assert list(tmp_path.iterdir()) == [tmp_path / "s"]


def test_a_killed_process_loses_nothing_that_was_put(tmp_path: Path) -> None:
    code = (
        "import sys, os, signal; from pathlib import Path; from bedplate.state import State\n"
        "s = State(Path(sys.argv[1]))\n"
        "for n in range(50): s.put(f't{n}', {'_values_:': {'parts': {}, 'output': {}, 'identity': str(n)}})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path / "s")])
    assert died.returncode == -signal.SIGKILL
    assert len(State(tmp_path / "s").entries) == 50


texts = st.text(max_size=30)
entries = st.dictionaries(texts, st.one_of(texts, st.integers(), st.lists(texts)), max_size=4)


@given(st.lists(st.tuples(texts, st.one_of(st.none(), entries)), max_size=20))
def test_any_puts_and_removals_read_back_as_a_mapping_would_hold_them(
    tmp_path_factory: object, changes: list[tuple[str, dict[str, object] | None]]
) -> None:
    path = Path(tmp_path_factory.mktemp("state")) / "s"  # type: ignore[attr-defined]
    state, expected = State(path), {}
    for name, values in changes:
        if values is None:
            state.remove(name)
            expected.pop(name, None)
        else:
            state.put(name, values)
            expected[name] = values
    assert State(path).entries == json.loads(json.dumps(expected))


def test_a_line_goes_to_the_file_that_is_there_now(tmp_path: Path) -> None:
    state = State(tmp_path / "below" / "s")
    state.put("a", entry("1"))
    (tmp_path / "below" / "other").write_bytes(b"")
    (tmp_path / "below" / "other").replace(state.path)
    state.put("b", entry("2"))
    assert set(State(state.path).entries) == {"b"}, "it must not go where nobody reads it"
    state.path.unlink()
    state.path.parent.rmdir()
    state.put("c", entry("3"))
    assert set(State(state.path).entries) == {"c"}


def test_a_file_that_was_written_to_is_closed_with_its_state(tmp_path: Path) -> None:
    def of_ours() -> list[str]:
        paths = Path("/proc/self/fd").iterdir()
        return [target for path in paths if path.is_symlink() and (target := str(path.readlink())).endswith("/only")]

    state = State(tmp_path / "only")
    state.put("a", entry("1"))
    state.compact()
    state.put("b", entry("2"))
    assert of_ours() == [str(tmp_path / "only")], "one of them, however often it was written anew"
    del state
    assert of_ours() == []
