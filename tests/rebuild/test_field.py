"""The fit's gradient against differences."""

from __future__ import annotations

from math import isclose

import pytest

from hogwalk.walk.rebuild.clues import Clue

pytest.importorskip("numpy")

from tests.rebuild.field import NAMES, Example, likelihood

MASKS = [(0,), (7, 16), (7,), (10, 20), (40,), (44, 45)]
CASE = Example(
    MASKS,
    [4, 4, None, None],
    [5, 5, 0, 5],
    [[(1, 1), (2, 3)], [(2, 2), (3, 3)], [(3, 1)], []],
    [False, True, False, False],
    [0, 1, 3],
    [-0.5, 0.25, 0.0, 0.0],
)


def test_gradient_is_the_slope_of_the_likelihood() -> None:
    weights = [0.3 * ((7 * at) % 5 - 2) for at in range(len(NAMES))]
    _, gradient = likelihood(CASE, weights)
    for at in range(len(NAMES)):
        higher, lower = list(weights), list(weights)
        higher[at] += 1e-5
        lower[at] -= 1e-5
        slope = (likelihood(CASE, higher)[0] - likelihood(CASE, lower)[0]) / 2e-5
        assert isclose(gradient[at], slope, abs_tol=1e-5), NAMES[at]


def test_likelihood_is_a_log_probability() -> None:
    assert likelihood(CASE, [0.1] * len(NAMES))[0] < 0


def test_every_clue_has_a_name_in_the_fit() -> None:
    assert [clue.name for clue in Clue] == NAMES[:-2]
