"""The table of ratios: `python -m benchmarks [--json FILE] [--tiny] [NAME ...]`; without names, the quick ones."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from benchmarks import bake, context, machine, noop, one_edited, rebuild, reuse, spec
from benchmarks.measure import Figure, Skipped

QUICK: dict[str, ModuleType] = {"noop": noop, "spec": spec, "one_edited": one_edited, "reuse": reuse, "bake": bake}
LONG: dict[str, ModuleType] = {"context": context, "rebuild": rebuild}
ALL = {**QUICK, **LONG}
HEAD = f"{'':52} {'ours':>10} {'peer':>10} {'ratio':>6}  {'middle half':>11} {'CPU':>5} aim (!: missed)"


def main() -> int:
    options = _options()
    # the registry that a benchmark started ends with it, whoever ends it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    here = machine.described()
    print(", ".join(f"{name} {value}" for name, value in here.items()))
    print(HEAD, flush=True)
    found: list[Figure | Skipped] = []
    for name in options.names or QUICK:
        with tempfile.TemporaryDirectory(prefix="bedplate-") as folder:
            for one in ALL[name].run(Path(folder), tiny=options.tiny):
                found.append(one)
                print(_line(one), flush=True)
    _notes(found)
    if options.json:
        entries = [{**asdict(f), "met": getattr(f, "met", None)} for f in found]
        Path(options.json).write_text(json.dumps({"machine": here, "figures": entries}, indent=1), encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    text = "\n".join(f"  {name:12} {_first_line(module)}" for name, module in ALL.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Ratios to a peer measured in the same run, in turns; medians.",
        epilog=f"names:\n{text}\nonly when named: {', '.join(LONG)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", metavar="FILE", help="writes the figures there, too")
    parser.add_argument("--tiny", action="store_true", help="tries the set-up at the smallest size; no figures to use")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    for name in options.names:
        if name not in ALL:
            parser.error(f"there is no benchmark '{name}'; there are: {', '.join(ALL)}")
    return options


def _first_line(module: ModuleType) -> str:
    return (module.__doc__ or "").partition(": ")[2].splitlines()[0]


def _line(one: Figure | Skipped) -> str:
    if isinstance(one, Skipped):
        return f"{one.name:52} not measured: {one.why}"
    theirs = _amount(one.theirs, one.unit) if one.theirs is not None else ""
    ratio = f"{one.ratio:.2f}" if one.ratio is not None else ""
    noise = f"{one.noise[0]:.2f}-{one.noise[1]:.2f}" if one.noise else ""
    cpu = f"{one.cpu_ratio:.2f}" if one.cpu_ratio is not None else ""
    aim = ""
    if one.aim is not None:
        aim = (_amount(one.aim, one.unit) if one.aim_in_unit else f"{one.aim:.2f}") + ("" if one.met else " !")
    ours = _amount(one.ours, one.unit)
    return f"{one.name:52} {ours:>10} {theirs:>10} {ratio:>6}  {noise:>11} {cpu:>5} {aim}".rstrip()


def _amount(value: float, unit: str) -> str:
    if unit == "ms" and value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.{0 if value >= 100 else 1}f} {unit}"


def _notes(found: Iterable[Figure | Skipped]) -> None:
    """What each was measured against."""
    print()
    for one in found:
        if isinstance(one, Figure) and (one.peer or one.note):
            print(f"{one.name}: {'; '.join(word for word in (one.peer and f'peer: {one.peer}', one.note) if word)}")


if __name__ == "__main__":
    sys.exit(main())
