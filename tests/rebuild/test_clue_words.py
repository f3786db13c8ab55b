"""Every clue has words, each its own, and every weight is a clue's: what reports print as reasons lacks nothing."""

from __future__ import annotations

from collections import Counter

from hogwalk.walk.rebuild.clues import WORDS, Clue, words
from hogwalk.walk.rebuild.weights import WEIGHTS
from hogwalk.walk.unwound.weights import WEIGHTS as WEIGHTS64

# The same fact, weighed apart where nothing else is known of the call.
SHARED = {WORDS[Clue.DEPTH]}


def test_every_clue_has_words_of_its_own() -> None:
    assert [clue.name for clue in Clue if clue not in WORDS] == []
    repeated = {text for text, count in Counter(WORDS.values()).items() if count > 1}
    assert repeated <= SHARED


def test_every_clue_is_weighed_somewhere() -> None:
    assert [clue.name for clue in Clue if clue not in WEIGHTS and clue not in WEIGHTS64] == []


def test_the_words_of_some_clues() -> None:
    assert (
        words(Clue.CALL | Clue.UP_TO_20)
        == "a call ends right before it; up to 20h bytes above the newer return address"
    )
