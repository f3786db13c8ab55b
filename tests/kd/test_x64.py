"""A stopped x64 machine at the end of a wire: its report is the dump's."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from hogwalk.targets.line import crossing
from tests.engine.engine import Engine, Target
from tests.kd.serve import serving
from tests.kd.test_faults import joined
from tests.kd.test_session import FIRST_ANSWER, SETTING, without_target
from tests.lab64.case import case

needs_compiler = pytest.mark.skipif(
    not (shutil.which("clang") and shutil.which("lld-link")), reason="the lab needs clang and lld"
)


@needs_compiler
@pytest.mark.parametrize("style", ["nosym", "trap"])
def test_the_report_is_the_dumps(engine: Engine, tmp_path: Path, style: str) -> None:
    made = case(style, 1, tmp_path)
    commands = ["!py hogwalk --kf", "!py hogwalk walk --kf", "!py hogwalk stack"]
    dumped = engine.host(Target(made.dump, symbols=[made.symbols]), commands, SETTING)
    # Pages that the dump lacks are missing here too: the report says what cannot be read.
    with serving(made.dump, resident=False) as one:
        steps = [".reload", "db ee002000 L1", "!py hogwalk --first", "db ee001000 L1", *commands]
        done = engine.host(Target(None, connect=one.connection, symbols=[made.symbols]), steps, SETTING)
    first, live = done[2].output, done[4:]
    assert re.search(r"^Words +\d+ of 3072 point into modules, dead return addresses among them$", first, re.MULTILINE)
    assert FIRST_ANSWER in joined(first)
    _, stack = crossing(0xFFFFF88003000000, 0x6000)
    assert one.counts.of(2).bytes <= 1.3 * stack
    for at_the_wire, from_the_dump in zip(live, dumped):
        assert "Traceback" not in at_the_wire.output
        assert len(from_the_dump.output.splitlines()) > 10
        assert without_target(at_the_wire.output) == without_target(from_the_dump.output)
    assert one.counts.changes() == {}
    assert one.counts.of(1).round_trips > 20


@needs_compiler
def test_without_the_kernels_symbols_its_data_block_is_searched_for(engine: Engine, tmp_path: Path) -> None:
    made = case("sym", 1, tmp_path)
    with serving(made.dump) as one:
        step = engine.host(Target(None, connect=one.connection), [".reload", "!py hogwalk"], SETTING)[1]
    assert re.search(r" Thread .*Limit \S+ Base \S+ 24576 bytes \(the debugger data block's", joined(step.output))
    assert re.search(r" Fault rip \S+ rsp \S+ rbp \S+ \(trap frame", joined(step.output))
    assert one.counts.changes() == {}
