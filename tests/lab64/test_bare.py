"""The x64 lab: walks without any registers, and what is stated of bytes whose return addresses are gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from hogwalk.answer.charge.books import module_of
from hogwalk.machine.words import X64
from hogwalk.walk.rebuild.clues import Clue, words
from hogwalk.walk.rebuild.confidence import ANYBODY, Sums, _range
from hogwalk.walk.unwound import rebuild
from tests.lab64.case import case, score
from tests.lab64.measure import own_walk
from tests.lab64.test_lab64 import evidence, pairs, pytestmark

__all__ = ["pytestmark"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cases are made."""
    return tmp_path_factory.mktemp("lab64")


@pytest.mark.parametrize(
    ("style", "seed"),
    [
        ("sym", 1), ("trap", 1), ("nosym", 1), ("nosym", 108), ("chain", 9125),
        ("fp", 1), ("fp", 9), ("fp", 15), ("fp", 9125), ("fp", 9502), ("fp", 9633),
        ("sym", 9115), ("chain", 9126), ("sym", 9616), ("retcfg", 9615),
    ],
)  # fmt: skip
def test_without_any_registers_at_most_one_frame_is_missing(style: str, seed: int, root: Path) -> None:
    made = case(style, seed, root)
    found = score(made.truth, pairs(rebuild(replace(evidence(made), registers=None))))
    assert found.missed <= 1
    assert found.precision >= 0.9  # what ran before may have left a chain that ends in the live one


@pytest.mark.parametrize(("style", "seed"), [("nosym", 108), ("chain", 9126)])
def test_registers_kept_for_a_call_tell_its_callee_from_one_that_has_returned(
    style: str, seed: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = replace(evidence(case(style, seed, root)), registers=None)
    found = rebuild(known)
    assert score(case(style, seed, root).truth, pairs(found)).missed == 0
    dead = words(int(Clue.OTHER_KEPT))
    assert not any(dead in reason for reason in found.reasons)
    edges = found.weighed.clued.edges.steps
    assert any(mask & Clue.OTHER_KEPT for steps in edges for _, mask in steps)
    monkeypatch.setattr("hogwalk.walk.unwound.steps.Forks.judged", lambda forks, steps: list(steps))
    assert score(case(style, seed, root).truth, pairs(rebuild(known))).missed == 2


def test_without_registers_the_range_holds_the_frame_of_whoever_ran(root: Path) -> None:
    bare = [own_walk(case("sym", seed, root), False) for seed in range(1, 6)]
    assert [one.covered for one in bare].count(True) >= 4
    assert all(one.right_hog for one in bare)


def test_the_function_that_a_call_names_is_charged_from_where_the_stack_ends(root: Path) -> None:
    made = case("retcfg", 8, root)
    first, newest = rebuild(replace(evidence(made), registers=None)).frames[0], made.truth["frames"][0]
    assert (first.return_slot, first.bytes) == (newest["slot"], newest["slot"] + X64.word - made.truth["limit"])
    assert module_of(first) == newest["module"]


def test_nobody_knows_which_function_ran_behind_a_thunk(root: Path) -> None:
    made = case("retcfg", 1, root)
    first, newest = rebuild(replace(evidence(made), registers=None)).frames[0], made.truth["frames"][0]
    assert (first.return_slot, first.bytes, first.symbol) == (newest["slot"], None, None)


def test_the_shortest_range_that_holds_enough_draws_is_stated(root: Path) -> None:
    found = rebuild(evidence(case("wiped", 1, root)))
    sums = [0, *[8] * 7, 16, 640]
    ranges = [_range(sums, replace(found, shortest=share)) for share in (0.7, 0.9, 0.0)]
    assert ranges == [(8, 8), (0, 16), (0, 640)]  # 0: that of the sums in the middle


def test_bytes_whose_return_addresses_are_gone_are_drawn_as_frames_of_the_rest(root: Path) -> None:
    known = evidence(case("wiped", 1, root))
    found = rebuild(known)
    modules = [known.modules.at(node.address) for node in found.weighed.clued.nodes]
    sums = Sums(found.weighed, [None if module is None else module.name for module in modules], lambda name: name)
    path = found.weighed.posterior.sample(Random(1))
    whole = sums.of(path)
    assert whole[ANYBODY] > 0x100
    draws = [sums.drawn(path, Random(seed)) for seed in range(20)]
    assert all(sum(draw.values()) == sum(whole.values()) and ANYBODY not in draw for draw in draws)
    assert all(draw[name] >= whole[name] for draw in draws for name in whole if name != ANYBODY)
    assert len({tuple(sorted(draw.items())) for draw in draws}) > 5
