"""The written dumps in the real engine: it opens each, and names every word of the stack as hogwalk does."""

from __future__ import annotations

import re
from dataclasses import astuple
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from hogwalk.targets.dump import DumpTarget, open_dump
from hogwalk.targets.dump.header import TRIAGE
from tests.dump import machine64
from tests.dump.contents import PAGE, STACKHOG, Contents, stackhog
from tests.dump.minidumps import user32, wow64
from tests.dump.small import triage32
from tests.dump.small64 import triage64
from tests.dump.writers import BITMAP_FULL, BITMAP_KERNEL, FULL, SUMMARY, kernel32
from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.stackhog import ROOT

_ROW = re.compile(r"^([0-9a-f`]{8,17})  ([0-9a-f`]{8,17})(?: (\S.*?))?\s*$")
_SYMBOLS = STACKHOG / "symbols"


def images(contents: Contents) -> List[int]:
    spans = [range(driver.start, driver.start + driver.size, PAGE) for driver in contents.drivers()]
    return [page for span in spans for page in span if page in contents.pages]


STYLES = {
    "full": lambda machine: kernel32(machine, FULL),
    "full PAE": lambda machine: kernel32(machine, FULL, pae=True),
    "summary": lambda machine: kernel32(machine, SUMMARY),
    "bitmap": lambda machine: kernel32(machine, BITMAP_FULL),
    "kernel bitmap PAE": lambda machine: kernel32(machine, BITMAP_KERNEL, pae=True),
    "small": lambda machine: triage32(machine, images(machine)),
    "user": lambda machine: user32(machine, full=False),
    "user, full memory": lambda machine: user32(machine, full=True),
}


def rows(text: str) -> Dict[int, Tuple[int, str]]:
    """What dps shows: for each address the word and its symbol."""
    found: Dict[int, Tuple[int, str]] = {}
    for match in filter(None, map(_ROW.match, text.splitlines())):
        address, word = (int(group.replace("`", ""), 16) for group in match.group(1, 2))
        found[address] = word, match.group(3) or ""
    return found


def same(target: DumpTarget, shown: Dict[int, Tuple[int, str]], pointer: int) -> Dict[int, Tuple[str, str]]:
    """The rows that differ: (the engine's symbol, hogwalk's)."""
    differ: Dict[int, Tuple[str, str]] = {}
    for address, (word, symbol) in shown.items():
        assert int.from_bytes(target.read(address, pointer), "little") == word
        (mine,) = target.symbols([word])
        if (mine.text() if mine else "") != symbol:
            differ[address] = symbol, mine.text() if mine else ""
    return differ


@pytest.mark.parametrize("style", sorted(STYLES))
def test_x86_dumps(engine: Engine, tmp_path: Path, style: str) -> None:
    path = tmp_path / "x86.dmp"
    contents = stackhog()
    path.write_bytes(STYLES[style](contents))
    (step,) = engine.kd(Target(path, symbols=[_SYMBOLS]), [f"dps {contents.limit:x} {contents.base - 4:x}"])
    shown = rows(step.output)
    assert len(shown) > 0xBF0  # the few words the engine prints otherwise are symbols with a blank in them
    assert same(open_dump(str(path), str(_SYMBOLS)), shown, 4) == {}


@pytest.mark.parametrize("kind", [FULL, SUMMARY, BITMAP_FULL, BITMAP_KERNEL, TRIAGE])
def test_x64_dumps(engine: Engine, tmp_path: Path, kind: int) -> None:
    """The only differences lie before a section's first symbol, where the engine names a symbol from elsewhere."""
    path = tmp_path / "x64.dmp"
    path.write_bytes(triage64() if kind == TRIAGE else machine64.kernel64(kind))
    (tmp_path / "ntkrnlmp.pdb").write_bytes(machine64.nt_pdb())
    range_text = f"dps {machine64.LIMIT:x} {machine64.BASE - 8:x}"
    (step,) = engine.kd(Target(path, symbols=[tmp_path]), [range_text])
    shown = rows(step.output)
    assert len(shown) > 0xBF0
    target = open_dump(str(path), str(tmp_path))
    differ = same(target, shown, 8)
    assert all(" <PERF> (" in engines or "+0xffffffff`ffff" in engines for engines, _ in differ.values())
    assert {word for word, _ in shown.values()} >= {machine64.NT + rva for rva, _ in machine64.PUBLICS if rva % 32 == 0}


def test_the_32_bit_side_of_a_64_bit_dump(engine: Engine, tmp_path: Path) -> None:
    """The engine, switched to x86, finds the registers where hogwalk does, and names the modules alike."""
    path = tmp_path / "wow.dmp"
    path.write_bytes(wow64(stackhog()))
    _, registers, modules = engine.kd(Target(path, symbols=[_SYMBOLS]), [".effmach x86", "r", "lm"])
    shown = re.search(r"eip=(\w+) esp=(\w+) ebp=(\w+)", registers.output)
    target = open_dump(str(path), str(_SYMBOLS))
    assert shown is not None
    assert astuple(target.registers()[0])[:3] == tuple(int(value, 16) for value in shown.groups())
    listed = re.findall(r"^([0-9a-f]{8}) ([0-9a-f]{8})   (\S+)", modules.output, re.MULTILINE)
    assert [(module.start, module.end, module.name) for module in target.modules()] == [
        (int(start, 16), int(end, 16), name) for start, end, name in listed
    ]


@pytest.mark.parametrize("by_pointer", [True, False])
def test_the_32_bit_stack_in_the_debugger(engine: Engine, tmp_path: Path, by_pointer: bool) -> None:
    """The engine's `@$teb` is the 64-bit TEB: the stack found is that of the 32-bit one all the same."""
    path = tmp_path / "wow.dmp"
    path.write_bytes(wow64(stackhog(), by_pointer))
    steps = [".effmach x86", "!py -m hogwalk candidates -n 1", "!py -m hogwalk stack"]
    _, candidates, stack = engine.host(Target(path, symbols=[_SYMBOLS]), steps, Setting(import_path=(ROOT,)))
    assert stack.output.startswith("stack b8ae6000..b8ae9000, 12288 bytes (the TEB)")
    assert candidates.output.startswith("1. b8ae7020 b8ae7010 b7709ae6 ")
