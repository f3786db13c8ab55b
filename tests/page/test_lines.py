"""Lines and their marks: text stays what it was, marks stay where their text is, DML shows that text alone."""

from __future__ import annotations

import re
import textwrap
from typing import List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from hogwalk.answer.render.dml import Door, escaped, marked_up
from hogwalk.answer.render.line import Line, Link, joined, mark
from hogwalk.answer.render.table import LABEL, table, wrapped

DOOR = Door("!py -3.9 -g hogwalk", "--thread 8974ac00")
NASTY = st.text(alphabet="ab<>&\"'; /=`", max_size=12)
MARKED = st.lists(st.tuples(NASTY, st.sampled_from(["", "hog", "wrong"]), st.booleans()), max_size=6)


def seen(markup: str) -> str:
    """What a reader of DML sees: tags gone, entities as their signs."""
    text = re.sub(r"<[^<>]*>", "", markup)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


@given(MARKED)
def test_markup_shows_the_text_and_nothing_else(parts: List[Tuple[str, str, bool]]) -> None:
    line = joined([mark(text, kind, Link("frame 1", own=True) if link else None) for text, kind, link in parts])
    assert line == "".join(text for text, _, _ in parts)
    assert seen(marked_up(line, DOOR)) == line


@given(NASTY)
def test_a_name_makes_no_tag(name: str) -> None:
    assert "<" not in escaped(name)
    assert re.search(r"&(?!amp;|lt;|gt;)", escaped(name)) is None


def test_links_carry_the_door_and_its_options_for_hogwalk_s_own_commands_only() -> None:
    own = marked_up(mark("b8ae8238", link=Link("frame b8ae8238", own=True)), DOOR)
    assert own == '<link cmd="!py -3.9 -g hogwalk frame b8ae8238 --thread 8974ac00">b8ae8238</link>'
    foreign = marked_up(mark("x", link=Link('.printf "a & b"')), DOOR)
    assert foreign == '<link cmd=".printf &quot;a &amp; b&quot;">x</link>'


def test_marks_move_with_their_cells_and_are_cut_with_them() -> None:
    rows = [["1", mark("linked", "sure"), "x" * 40], ["22", mark("none", "wrong"), mark("y" * 90, "hog")]]
    head, first, second = table(("#", "trust", "name"), rows, ("trust", "name"), 60)
    assert head.startswith(" #  trust   name")
    for line, word in ((first, "linked"), (second, "none")):
        assert isinstance(line, Line)
        span = next(span for span in line.spans if span.kind in ("sure", "wrong"))
        assert line[span.start : span.end] == word
    assert len(second) == 60
    assert not second.endswith("..")
    hog = next(span for span in second.spans if span.kind == "hog")
    assert (hog.start, hog.end) == (second.index("y"), 60)


@given(st.lists(st.text(alphabet="ab-.", max_size=14), max_size=30), st.integers(20, 100))
def test_lines_are_filled_as_textwrap_fills_them(words: List[str], width: int) -> None:
    text = " ".join(words)
    lines = [line.ljust(LABEL) for line in wrapped("Stack", text, width)]
    expected = textwrap.wrap(
        text, width, initial_indent="Stack".ljust(LABEL), subsequent_indent=" " * LABEL, break_on_hyphens=False
    )
    assert lines == [line.ljust(LABEL) for line in expected] or not text.strip()
