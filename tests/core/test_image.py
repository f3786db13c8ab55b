"""What a stack holds: one bulk read where every page is there, named holes where not."""

from __future__ import annotations

import pytest

from hogwalk.errors import BadInput
from hogwalk.model import Region
from hogwalk.walk.facts.image import read_stack
from tests.core.scenes import BASE, LIMIT, REGION
from tests.drawn import DrawnTarget


def drawn() -> DrawnTarget:
    target = DrawnTarget()
    target.put_words(LIMIT, *range(1, REGION.size // 4 + 1))
    return target


def test_a_readable_stack_takes_exactly_one_read() -> None:
    target = drawn()
    image = read_stack(target, REGION)
    assert target.reads == [(LIMIT, BASE - LIMIT)]
    assert image.reads == 1
    assert image.holes == ()
    assert list(image.words) == list(range(1, 0xC01))


def test_an_unreadable_page_is_a_named_hole_and_the_rest_is_kept() -> None:
    target = drawn()
    target.forget(LIMIT + 0x1000, LIMIT + 0x2000)
    image = read_stack(target, REGION)
    assert image.holes == ((LIMIT + 0x1000, LIMIT + 0x2000),)
    assert image.reads == len(target.reads) == 4
    assert image.word(LIMIT + 0xFFC) == 0x400
    assert image.word(LIMIT + 0x1000) is None
    assert image.word(LIMIT + 0x1FFC) is None
    assert image.word(LIMIT + 0x2000) == 0x801
    assert image.words[0x400] == 0


def test_neighbouring_holes_are_one() -> None:
    target = drawn()
    target.forget(LIMIT, LIMIT + 0x2000)
    assert read_stack(target, REGION).holes == ((LIMIT, LIMIT + 0x2000),)


def test_separate_holes_stay_apart() -> None:
    target = drawn()
    target.forget(LIMIT, LIMIT + 0x1000)
    target.forget(LIMIT + 0x2000, BASE)
    assert read_stack(target, REGION).holes == ((LIMIT, LIMIT + 0x1000), (LIMIT + 0x2000, BASE))


def test_a_range_that_starts_and_ends_inside_pages_has_holes_of_its_own_size() -> None:
    target = drawn()
    target.forget(LIMIT, LIMIT + 0x1000)
    region = Region(LIMIT + 0x800, LIMIT + 0x1404, None, "drawn")
    image = read_stack(target, region)
    assert image.holes == ((LIMIT + 0x800, LIMIT + 0x1000),)
    assert image.word(LIMIT + 0x1400) == 0x501
    assert len(image.words) == 0xC04 // 4


def test_no_readable_page_is_refused_with_what_to_pass() -> None:
    with pytest.raises(BadInput) as caught:
        read_stack(DrawnTarget(), REGION)
    assert caught.value.line() == (
        "no page of the stack b8ae6000..b8ae9000 can be read; "
        "pass the right range with --limit and --base, or a dump that holds the stack"
    )


def test_words_off_the_stack_or_between_words_are_none() -> None:
    image = read_stack(drawn(), REGION)
    assert image.word(LIMIT - 4) is None
    assert image.word(BASE) is None
    assert image.word(LIMIT + 1) is None
