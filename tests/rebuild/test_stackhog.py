"""hogwalk's own walk on the walkthrough's machine: the published chain, without the debugger."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import pytest

from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Evidence, Wanted, gather
from hogwalk.walk.rebuild import Rebuilt, rebuild
from hogwalk.walk.rebuild.confidence import confidence
from tests.stackhog import DUMP, HOG_BYTES, HOGS, SYMBOLS, USAGE, published_rows


@lru_cache(maxsize=None)
def evidence(symbols: str) -> Evidence:
    return gather(open_dump(str(DUMP), symbols), Wanted(), lambda _: None)


def walked(symbols: str = str(SYMBOLS)) -> Rebuilt:
    return rebuild(evidence(symbols))


def test_every_published_row_that_is_no_trap_row() -> None:
    found = {frame.frame_ptr: frame for frame in walked().frames}
    rows = [row for row in published_rows() if int(row["child_ebp"], 16) >= evidence(str(SYMBOLS)).region.limit]
    traps = {row["child_ebp"] for row in rows if row["memory"] == "0"}
    checked = [row for row in rows if row["child_ebp"] not in traps]
    assert len(checked) == len(rows) - 2 * len(traps)
    for row in checked:
        frame = found[int(row["child_ebp"], 16)]
        assert f"{frame.return_address:08x}" == row["ret_addr"], row
        assert frame.symbol is not None
        assert frame.symbol.text() == row["symbol"]


def test_bytes_are_the_published_ones_and_the_newest_frame_adds_its_own() -> None:
    sums: Counter[str] = Counter()
    for frame in walked().frames:
        assert frame.symbol is not None
        sums[frame.symbol.module] += frame.bytes or 0
    newer = walked().frames[1].bytes
    assert dict(sums) == {**USAGE, "nt": USAGE["nt"] + (newer or 0)}


@pytest.mark.parametrize("symbols", [str(SYMBOLS), ""])
def test_the_hogs_are_named_with_confidence_with_and_without_symbols(symbols: str) -> None:
    found = confidence(walked(symbols), evidence(symbols).modules, lambda name: "hogs" if name in HOGS else name)
    assert found is not None
    assert (found.owner, found.low, found.high) == ("hogs", HOG_BYTES, HOG_BYTES)
    assert found.probability > 0.99
