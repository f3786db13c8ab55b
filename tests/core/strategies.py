"""Stacks as hypothesis draws them: words of every kind a stack holds, holes, and rows a debugger might print."""

from __future__ import annotations

from typing import Callable, List, Sequence, Tuple

from hypothesis import strategies as st

from hogwalk.machine.windows import TRAP_MARK
from hogwalk.targets.parsers.kf import parse_kf
from tests.core.scenes import Machine
from tests.drawn import PAGE, DrawnTarget

WORD = st.integers(0, 0xFFFFFFFF)
Parts = List[Tuple[int, ...]]
NEXT = -1  # stands for the address of the next drawn frame
REMARKS = (
    "          (Inline) -------- nt!Inlined+0x5",
    "WARNING: Frame IP not in any known module. Following frames may be wrong.",
    "no row at all",
    "",
)


def stack_parts(limit: int, base: int, scene: Machine) -> st.SearchStrategy[Parts]:
    """What a stack holds: noise, stack pointers, code, trap marks, stray pairs, and linked frames."""
    pointer = st.integers(limit - 8, base + 8)
    aligned = st.integers(limit // 4, base // 4 - 1).map(lambda word: word * 4)
    back = st.sampled_from([*scene.nt_ring, *scene.hog_ring, scene.bridge])
    code = st.integers(scene.nt.start, scene.nt.start + scene.nt.size)
    single = st.one_of(WORD, pointer, aligned, back, code, st.sampled_from([0, TRAP_MARK])).map(lambda word: (word,))
    pair = st.tuples(aligned, st.one_of(back, code))
    trap = st.tuples(st.one_of(st.just(NEXT), aligned, WORD), st.one_of(code, WORD), st.just(TRAP_MARK))
    linked = st.tuples(st.just(NEXT), back)
    return st.lists(st.one_of(single, pair, trap, linked, linked), min_size=1, max_size=60)


def stack_words(parts: Parts, limit: int, base: int) -> List[int]:
    """As many words as the stack holds, the parts repeated; each NEXT becomes the address of the next one."""
    count = (base - limit) // 4
    words = [word for part in parts for word in part]
    words = (words * (count // len(words) + 1))[:count]
    onward = 0
    for index in range(count - 1, -1, -1):
        if words[index] == NEXT:
            words[index] = onward
            onward = limit + 4 * index
    return words


def holes(limit: int, base: int) -> st.SearchStrategy[List[Tuple[int, int]]]:
    """Unreadable pages of a stack, never all of them."""
    pages = [(start, start + PAGE) for start in range(limit, base, PAGE)]
    return st.lists(st.sampled_from(pages), unique=True, max_size=len(pages) - 1).map(sorted)


@st.composite
def kf_rows(draw: Callable[[st.SearchStrategy[int]], int], limit: int, base: int) -> List[str]:
    """Lines that a kf answer may hold: mostly rows that rise, but also wild ones, inline rows, and no rows at all."""
    rows: List[str] = []
    at = limit + 4 * draw(st.integers(0, 0x40))
    for _ in range(draw(st.integers(0, 20))):
        kind = draw(st.integers(0, 11))
        if kind < len(REMARKS):
            rows.append(REMARKS[kind])
            continue
        at += 4 * draw(st.integers(0, 0x80))
        wild = draw(st.one_of(WORD, st.integers(limit - 16, base + 16), st.sampled_from([base - 8, base - 4, base])))
        back = draw(st.one_of(st.integers(0x80801000, 0x80801600), WORD))
        rows.append(f"{draw(WORD):>9x} {wild if kind == 11 else at:08x} {back:08x} nt!Ring{kind}+0x20")
    return rows


def bear_out(target: DrawnTarget, limit: int, base: int, rows: Sequence[str]) -> None:
    """Draws the rows' return addresses into the stack, so that they are not thrown out as made up."""
    for row in parse_kf("\n".join(rows), 4).rows:
        if row.frame_ptr is not None and row.return_address is not None and limit <= row.frame_ptr <= base - 8:
            target.put_words(row.frame_ptr + 4, row.return_address)
