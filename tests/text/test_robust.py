"""Any text at all: refused in one line or read, in linear time and little memory."""

from __future__ import annotations

import contextlib
import io
import os
import tracemalloc
from typing import Iterator, List, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hogwalk.errors import HogwalkError, Unreadable
from hogwalk.targets.text import TextTarget, open_text
from tests.text.logs import log

SEEDS = [log("walkthrough.txt").encode(), b"\n".join(log("stackhog.log").encode().split(b"\n")[:180])]
TAIL = b"\n".join(log("stackhog.log").encode().split(b"\n")[3120:3400])
EXAMPLES = int(os.environ.get("HOGWALK_FUZZ", "120"))  # 50000 for the long run
BITS = [
    *(b" ", b"\n", b"\r\n", b"\0", b">", b"`", b"*** ERROR: x", b"!", b"+0x", b"(", b"[", b"?" * 8, b"f" * 17, b"\xff"),
]


def _ask_everything(target: TextTarget) -> None:
    about = target.about()
    region = target.stack_hint()
    modules = target.modules()
    for lower, higher in zip(modules, modules[1:]):
        assert lower.start <= higher.start
    target.versions([module.name for module in modules])
    target.symbols([0, 1, region.limit if region else 2, 1 << 63, *(module.start for module in modules)])
    target.registers()
    target.printed_walk()
    assert all(missing.what and missing.command for missing in target.missing())
    assert about.pointer_bytes in (4, 8)
    for command in target.commands():
        target.command(command)
    if region:
        assert region.limit < region.base
        try:
            target.read(region.limit, 64)
        except Unreadable:
            assert target.missing()


def _read_or_refused(data: bytes) -> None:
    refusal: Optional[HogwalkError] = None
    try:
        target = open_text(io.BytesIO(data))
    except HogwalkError as error:
        refusal = error
    if refusal:
        assert refusal.exit_code == 1
        assert "\n" not in refusal.line()
    else:
        _ask_everything(target)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from([*SEEDS, TAIL]))
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 80))
        put = draw(st.one_of(st.sampled_from(BITS), st.binary(max_size=12)))
        data = data[:at] + put * draw(st.integers(1, 3)) + data[at + cut :]
    return data


@settings(max_examples=EXAMPLES, deadline=5000)
@given(mutated())
def test_mutated_logs(data: bytes) -> None:
    _read_or_refused(data)


@settings(max_examples=EXAMPLES, deadline=5000)
@given(st.lists(st.sampled_from([line for seed in [*SEEDS, TAIL] for line in seed.split(b"\n")]), max_size=60))
def test_shuffled_lines(lines: List[bytes]) -> None:
    _read_or_refused(b"\n".join(lines))


class Endless(io.RawIOBase):
    """A log of `megabytes` that is made while it is read."""

    def __init__(self, megabytes: float, block: Iterator[bytes]) -> None:
        super().__init__()
        self._left = int(megabytes * (1 << 20))
        self._block = block

    def read(self, size: int = -1) -> bytes:
        if self._left <= 0:
            return b""
        block = next(self._block)
        self._left -= len(block)
        return block


def _session() -> Iterator[bytes]:
    rows = [line for line in log("stackhog.log").split("\n") if line[8:10] == "  " and line.startswith("b8ae")]
    kf = "\n".join(log("stackhog.log").split("kd> kf=")[1].split("\n")[1:119])
    start = 0x80000000
    while True:
        moved = "\n".join(f"{start + 4 * index & 0xFFFFFFFF:08x}{row[8:]}" for index, row in enumerate(rows[:3000]))
        start += 0x3000
        yield f"3: kd> dps {start:08x}\n{moved}\n3: kd> kf\n{kf}\n".encode()


def read_whole(megabytes: float, block: Iterator[bytes]) -> int:
    """How many bytes of the log were taken before it was answered or refused."""
    taken: List[int] = []
    with contextlib.suppress(HogwalkError):
        open_text(Endless(megabytes, block), taken.append)  # type: ignore[arg-type]
    return sum(taken)


def test_a_large_log_needs_little_memory() -> None:
    tracemalloc.start()
    open_text(Endless(3, _session()))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 << 20


HOSTILE = {
    "session": None,
    "no line ends": b"b8ae6100  8081df65 nt!F+0x45 " * 4000,
    "one symbol": (b"b8ae6100  8081df65 nt!" + b"a [b " * 12000 + b"\n"),
    "row of tails": (b"00 b8ae6100 8081df65 nt!F " + b"[x @ 1 (FPO: " * 600 + b"\n"),
    "blanks": (b"00 b8ae6100 8081df65 nt!F" + b" " * 8000 + b"x\n"),
    "quoted": b"> " * 30000 + b"\n",
    "addresses": b"b8ae6100 " * 7000 + b"\n",
    "messages": b"b8ae6100 *** ERROR: x\n" * 3000,
    "scattered words": b"",
}


def _scattered() -> Iterator[bytes]:
    at = 0
    while True:
        rows = []
        for _ in range(1000):
            at = (at * 1103515245 + 12345) & 0xFFFFFFFC
            rows.append(f"{at:08x}  {at ^ 0x5A5A5A5A:08x} m{at & 0xFFF}!f{at:x}+0x{at & 0xFF:x}\n")
        yield "".join(rows).encode()


def blocks(name: str) -> Iterator[bytes]:
    if name == "session":
        yield from _session()
    if name == "scattered words":
        yield from _scattered()
    while True:
        yield HOSTILE[name] or b"\n"


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_text_is_read_to_its_end(name: str) -> None:
    # Its time is in the benchmarks (tests/bench/logs.py): this one only has to come to its end.
    assert read_whole(0.5, blocks(name)) >= 1 << 19
