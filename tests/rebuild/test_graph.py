"""The arithmetic of paths against brute force on small graphs."""

from __future__ import annotations

from collections import Counter
from math import exp, inf, isclose, log
from random import Random
from typing import Dict, List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.graph import Graph, Posterior, log_sum
from hogwalk.walk.rebuild.scale import Weighing
from hogwalk.walk.rebuild.weights import WEIGHTS
from hogwalk.walk.unwound.weights import WEIGHTS as WEIGHTS64

SCORES = st.floats(-6, 6)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 6))
    steps = [
        [(older, draw(SCORES)) for older in range(node + 1, count) if draw(st.booleans())] for node in range(count)
    ]
    starts = [draw(SCORES) if node == 0 or draw(st.booleans()) else -inf for node in range(count)]
    return Graph(starts, [draw(SCORES) for _ in range(count)], steps)


def paths(graph: Graph) -> Dict[Tuple[int, ...], float]:
    """Every path with its score."""
    found: Dict[Tuple[int, ...], float] = {}

    def grow(path: List[int], score: float) -> None:
        found[tuple(path)] = score + graph.ends[path[-1]]
        for older, step in graph.steps[path[-1]]:
            grow([*path, older], score + step)

    for node, start in enumerate(graph.starts):
        if start > -inf:
            grow([node], start)
    return found


@given(graphs())
def test_best_path_has_the_highest_score(graph: Graph) -> None:
    every = paths(graph)
    assert isclose(every[graph.best()], max(every.values()), abs_tol=1e-9)


@given(graphs(), st.floats(0.5, 4))
def test_probabilities_of_nodes_and_steps_are_sums_over_paths(graph: Graph, heat: float) -> None:
    weights = {path: exp(score / heat) for path, score in paths(graph).items()}
    total = sum(weights.values())
    posterior = Posterior(graph, heat)
    for node, found in enumerate(posterior.nodes()):
        expected = sum(weight for path, weight in weights.items() if node in path) / total
        assert isclose(found, expected, abs_tol=1e-9)


@given(graphs())
def test_the_likeliest_nodes_make_a_path(graph: Graph) -> None:
    posterior = Posterior(graph)
    assert posterior.path() in paths(graph)


def test_a_sure_path_is_kept_and_a_likely_node_is_shown() -> None:
    sure = Graph([9.0, -9.0, -9.0], [-9.0, -9.0, 9.0], [[(1, 9.0), (2, 0.0)], [(2, 9.0)], []])
    assert Posterior(sure).path() == sure.best() == (0, 1, 2)
    split = Graph([0.0, 0.0, -inf], [-inf, -inf, 0.0], [[(2, 0.1)], [(2, 0.0)], []])
    assert Posterior(split).path() == (0, 2)


@given(graphs())
def test_drawn_paths_are_paths(graph: Graph) -> None:
    posterior, random = Posterior(graph), Random(1)
    assert {posterior.sample(random) for _ in range(20)} <= set(paths(graph))


def test_paths_are_drawn_by_their_probability() -> None:
    graph = Graph([0.0, log(2)], [0.0, 0.0], [[(1, log(3))], []])  # (0,): 1, (0, 1): 3, (1,): 2
    posterior, random = Posterior(graph), Random(7)
    drawn = Counter(posterior.sample(random) for _ in range(6000))
    for path, weight in (((0,), 1), ((0, 1), 3), ((1,), 2)):
        assert abs(drawn[path] / 6000 - weight / 6) < 0.03


def test_no_nodes_no_path() -> None:
    empty = Graph([], [], [])
    assert empty.best() == ()
    assert Posterior(empty).sample(Random(0)) == ()
    assert log_sum([]) == -inf


def test_a_long_stack_needs_no_recursion() -> None:
    count = 20000
    steps = [[(node + 1, 1.0)] if node + 1 < count else [] for node in range(count)]
    graph = Graph([0.0] * count, [0.0] * count, steps)
    assert len(graph.best()) == count
    assert min(Posterior(graph).nodes()[count // 2 : -20]) > 0.99


@given(st.lists(st.sampled_from(list(Clue)), max_size=12))
def test_a_set_of_clues_weighs_what_they_weigh_one_after_the_other(clues: List[Clue]) -> None:
    mask = 0
    for clue in clues:
        mask |= int(clue)
    for table in (WEIGHTS, WEIGHTS64):
        weights = Weighing(table)
        assert weights[mask] == weights[mask] == sum(weight for clue, weight in table.items() if clue in clues)
