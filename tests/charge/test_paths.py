"""Inclusive bytes, prices and what-ifs: small cases worked out by hand, StackHog's table, and their own laws."""

from __future__ import annotations

import re
from typing import Dict, List, Sequence

from hypothesis import given
from hypothesis import strategies as st

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.charge.cycles import Cycle
from hogwalk.answer.charge.paths import Inclusive, inclusive, large_frames, price, reserves, what_if
from hogwalk.answer.report.fault import cycle_price, used_bytes
from hogwalk.model import Frame
from tests.core.scenes import frame
from tests.page.reports import stackhog
from tests.stackhog import HOG_BYTES, HOGS, TRIPLE, published_rows

SYSTEM = ("nt", "fs")


def system(name: str) -> bool:
    return name in SYSTEM


def walk(*rows: Sequence[object]) -> List[Frame]:
    """Frames of (module, bytes), newest first."""
    return [frame(str(module), "f", int(str(size))) for module, size in rows]


def by_name(found: Sequence[Inclusive]) -> Dict[str, Inclusive]:
    return {one.name: one for one in found}


def test_two_interleaved_products_by_hand() -> None:
    #             newest                                                      oldest
    rows = walk(("nt", 10), ("B", 100), ("fs", 20), ("A", 1), ("nt", 30), ("B", 200), ("nt", 40), ("A", 2), ("nt", 50))
    found = by_name(inclusive(rows, module_of, system))
    assert found["A"] == Inclusive("A", 3, 10 + 100 + 20 + 1 + 30 + 200 + 40 + 2, 20 + 1 + 40 + 2)
    assert found["B"] == Inclusive("B", 300, 10 + 100 + 20 + 1 + 30 + 200, 10 + 100 + 30 + 200)
    assert found["nt"] == Inclusive("nt", 130, 453, 50)  # only what no third party called
    assert found["fs"] == Inclusive("fs", 20, 130, 0)


def test_a_frame_without_bytes_counts_nothing_and_still_names_the_cause() -> None:
    rows = [frame("nt", "f", 8), frame("A", "g", 0), frame("nt", "h", 4)]
    found = by_name(inclusive(rows, module_of, system))
    assert (found["A"].exclusive, found["A"].on_path, found["A"].caused) == (0, 8, 8)


@given(st.lists(st.tuples(st.sampled_from(["A", "B", "nt", "fs"]), st.integers(0, 900)), max_size=40))
def test_the_sums_add_up(rows: List[Sequence[object]]) -> None:
    frames = walk(*rows)
    whole = sum(one.bytes or 0 for one in frames)
    found = inclusive(frames, module_of, system)
    assert sum(one.exclusive for one in found) == whole
    assert sum(one.caused for one in found) == whole
    for one in found:
        assert one.exclusive <= one.on_path <= whole
        assert one.caused <= one.on_path or system(one.name)


def test_stackhog_by_an_independent_sum_over_the_published_table() -> None:
    rows = published_rows()
    names = [row["symbol"].split("!")[0].split("+")[0] for row in rows]
    sizes = [int(row["memory"] or "0", 16) for row in rows]
    frames = [frame(name, "f", size) for name, size in zip(names, sizes)]
    oldest = max(at for at, name in enumerate(names) if name in HOGS)
    on_path = sum(sizes[: oldest + 1])
    caused, cause = 0, False
    for name, size in reversed(list(zip(names, sizes))):
        cause = cause or name in HOGS
        caused += size if cause else 0
    found = by_name(inclusive(frames, lambda one: "hog" if module_of(one) in HOGS else "os", lambda name: name == "os"))
    assert found["hog"] == Inclusive("hog", HOG_BYTES, on_path, caused)
    assert on_path == caused  # one third party alone: both senses are one


def test_a_cycle_is_priced() -> None:
    cycle = Cycle(5, (0, 5, 10), 3000, ("a",) * 5)
    assert price(cycle, size=12288, used=4000) == price(cycle, 12288, 4000)
    found = price(cycle, size=12288, used=4000)
    assert (found.period, found.turn, found.turns) == (5, 1000, 3)
    assert found.fit == (12288 - 1000) // 1000
    assert price(Cycle(1, (), 0, ()), 12288, 10).fit == 0


def test_what_fits_without_the_hog() -> None:
    # StackHog: ESP lay 48 bytes below Limit of a 12,288-byte stack, and the hog's frames hold 4,496.
    found = what_if("StackHog", 4496, size=12288, used=12288 + 48)
    assert (found.needed, found.left) == (7840, 4448)
    assert what_if("x", 1, 12288, 12400).left == -111


def test_marks_and_reserves() -> None:
    frames = walk(("A", 399), ("A", 400), ("B", 1023), ("B", 1024), ("A", 5000), ("nt", 0))
    large, notable = large_frames(frames)
    assert [one.bytes for one in large] == [5000, 1024]
    assert [one.bytes for one in notable] == [1023, 400]
    assert reserves(12336) == ((12, -48), (16, 4048), (24, 12240), (60, 49104))


def test_the_report_s_figures_are_those_of_the_published_table() -> None:
    report, _ = stackhog()
    rows = published_rows()
    base_ptr, stack_ptr = (int(word, 16) for word in TRIPLE.split()[:2])
    sizes = [int(row["memory"] or "0", 16) for row in rows]
    sizes[0] = base_ptr - stack_ptr  # kf prints no size in its first row; its triple tells it
    names = [re.sub(r"(!.*)\+0x[0-9a-f]+$", r"\1", row["symbol"]) for row in rows]
    hogs = [size for name, size in zip(names, sizes) if re.split("[!+]", name)[0] in HOGS]
    running = report.frames[0].bytes or 0  # the table begins with the function that called it
    # The longest run of functions that comes twice, tried one after the other.
    count = len(names)
    length, first, second = next(
        (length, at, again)
        for length in range(count // 2, 0, -1)
        for at in range(count - 2 * length + 1)
        for again in range(at + length, count - length + 1)
        if names[at : at + length] == names[again : again + length]
    )
    turns = [sum(sizes[at : at + length]) for at in (first, second)]
    cost = cycle_price(report)
    assert report.cycle is not None
    assert cost is not None
    assert (report.cycle.length, report.cycle.bytes, cost.turns) == (length, sum(turns), 2)
    assert cost.turn in turns
    assert cost.fit == (12288 - (12288 + 48 - 2 * cost.turn)) // cost.turn
    hog = report.hog
    assert hog is not None
    assert (hog.share.bytes, hog.share.frames) == (sum(hogs), len(hogs))
    oldest = max(at for at, name in enumerate(names) if re.split("[!+]", name)[0] in HOGS)
    owners = {use.share.name: use.product.name for use in report.modules}
    found = by_name(
        inclusive(report.frames, lambda one: owners[module_of(one)], lambda name: name.startswith("Microsoft"))
    )
    assert found["StackHog"].on_path == running + sum(sizes[: oldest + 1])
    assert used_bytes(report) == 12288 + 48
    assert what_if("StackHog", hog.share.bytes, 12288, 12288 + 48).left == 12288 - (12288 + 48 - sum(hogs))
