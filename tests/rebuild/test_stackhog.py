"""hogwalk's own walk on the walkthrough's machine: the published chain, without the debugger."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import pytest

from hogwalk.model import Trust
from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.rebuild import Rebuilt, rebuild
from hogwalk.walk.rebuild.confidence import confidence
from tests.stackhog import CHARGED, DUMP, HOG_BYTES, HOGS, SYMBOLS, published_rows


@lru_cache(maxsize=None)
def evidence(symbols: str) -> Evidence:
    return gather(open_dump(str(DUMP), symbols), Request(), lambda _: None)


def walked(symbols: str = str(SYMBOLS)) -> Rebuilt:
    return rebuild(evidence(symbols))


def test_every_published_row_that_is_no_trap_row() -> None:
    found = {frame.frame_ptr: frame for frame in walked().frames if frame.trust is not Trust.TRAP}
    rows = [row for row in published_rows() if int(row["child_ebp"], 16) >= evidence(str(SYMBOLS)).region.limit]
    checked = [row for row in rows if row["memory"] != "0"]
    assert len(checked) == len(rows) - 4
    for row in checked:
        frame = found[int(row["child_ebp"], 16)]
        assert f"{frame.return_address:08x}" == row["ret_addr"], row
        assert frame.symbol is not None
        assert frame.symbol.text() == row["symbol"]


def test_bytes_are_the_published_ones_and_the_running_frames_add_theirs() -> None:
    sums: Counter[str] = Counter()
    for frame in walked().frames:
        assert frame.symbol is not None
        sums[frame.symbol.module] += frame.bytes or 0
    assert dict(sums) == CHARGED
    assert (CHARGED["Ntfs"], CHARGED["nt"]) == (4004 + 244, 2652 + 20)
    running = [(frame.return_slot, frame.instruction, frame.bytes) for frame in walked().frames if frame.running]
    assert running == [(0xB8AE60F0, 0xBAE19413, 244)]


@pytest.mark.parametrize("symbols", [str(SYMBOLS), ""])
def test_the_hogs_are_named_with_confidence_with_and_without_symbols(symbols: str) -> None:
    found = confidence(walked(symbols), evidence(symbols).modules, lambda name: "hogs" if name in HOGS else name)
    assert found is not None
    assert (found.owner, found.low, found.high) == ("hogs", HOG_BYTES, HOG_BYTES)
    assert found.probability > 0.99
