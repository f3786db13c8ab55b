"""The table of clues: words of their own, a weight on some machine, priors where nothing was fitted."""

from __future__ import annotations

from collections import Counter

from hogwalk.walk.rebuild.clues import Clue, words
from hogwalk.walk.rebuild.weights import UNFITTED, WEIGHTS
from hogwalk.walk.unwound.weights import UNFITTED as UNFITTED64
from hogwalk.walk.unwound.weights import WEIGHTS as WEIGHTS64

# The same fact, weighed apart where nothing else is known of the call.
SHARED = {Clue.DEPTH.words}


def test_every_clue_has_words_of_its_own() -> None:
    assert [clue.name for clue in Clue if not clue.words] == []
    repeated = {text for text, count in Counter(clue.words for clue in Clue).items() if count > 1}
    assert repeated <= SHARED


def test_every_clue_is_weighed_somewhere() -> None:
    assert [clue.name for clue in Clue if clue not in WEIGHTS and clue not in WEIGHTS64] == []


def test_every_clue_has_a_bit_of_its_own() -> None:
    assert len({clue.value for clue in Clue}) == len(Clue.__members__)
    assert all(bin(clue).count("1") == 1 for clue in Clue)


def test_a_weight_that_nothing_was_fitted_on_is_its_prior() -> None:
    assert {clue.name: WEIGHTS[clue] for clue in UNFITTED} == {clue.name: clue.prior for clue in UNFITTED}
    alone = [clue for clue in UNFITTED64 if clue not in WEIGHTS]
    assert {clue.name: WEIGHTS64[clue] for clue in alone} == {clue.name: clue.prior for clue in alone}


def test_the_words_of_some_clues() -> None:
    assert (
        words(Clue.CALL | Clue.UP_TO_20)
        == "a call ends right before it; up to 20h bytes above the newer return address"
    )
