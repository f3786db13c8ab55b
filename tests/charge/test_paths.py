"""Inclusive bytes, prices and what-ifs: small cases worked out by hand, StackHog's table, and their own laws."""

from __future__ import annotations

from typing import Dict, List, Sequence

from hypothesis import given
from hypothesis import strategies as st

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.charge.cycles import Cycle
from hogwalk.answer.charge.paths import Inclusive, inclusive, large_frames, price, reserves, what_if
from hogwalk.model import Frame
from tests.core.scenes import frame
from tests.stackhog import HOG_BYTES, HOGS, published_rows

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
