"""The arithmetic of paths against brute force on small graphs."""

from __future__ import annotations

from collections import Counter
from math import exp, inf, isclose, log
from random import Random
from typing import Dict, List, Sequence, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.graph import FRAME_BYTES, Charged, Graph, Place, Posterior, Steps, log_sum
from hogwalk.walk.rebuild.nodes import Edge, Node
from hogwalk.walk.rebuild.scale import Weighing
from hogwalk.walk.rebuild.stale import DIP, HELD, PLACED, held
from hogwalk.walk.rebuild.turns import LEAST, alike
from hogwalk.walk.rebuild.weights import WEIGHTS
from hogwalk.walk.unwound.weights import WEIGHTS as WEIGHTS64

SCORES = st.floats(-6, 6)
AGAIN, OTHER = 0xB8001234, 0xB8001335  # return addresses in code that cannot be read


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


def test_the_turns_of_a_recursion_are_drawn_alike() -> None:
    # Each turn has two words, either of which leads to the next turn's: (100, 200), (100, 200), ...
    turns = 40
    places = [Place(0x20 * (node // 2) + 8 * (node % 2), 100 + 100 * (node % 2)) for node in range(2 * turns)]
    steps = [
        [(older, 0.0) for older in range(node - node % 2 + 2, node - node % 2 + 4) if older < 2 * turns]
        for node in range(2 * turns)
    ]
    graph = Graph([0.0, 0.0, *[-inf] * (2 * turns - 2)], [-inf] * (2 * turns - 2) + [0.0, 0.0], steps)
    posterior, random = Posterior(graph), Random(11)
    assert {sum(node % 2 for node in posterior.sample(random)) for _ in range(200)} <= set(range(8, 33))
    drawn = Counter(sum(node % 2 for node in posterior.sample(random, places)[2:-2]) for _ in range(600))
    assert set(drawn) <= {0, 1, 17, 18, 19, 35, 36}  # all of one kind, or turn about
    # Of the first kind all: it starts there or comes there, and goes on there: 1/4 + 1/8.
    assert 180 < drawn[0] + drawn[1] < 270
    assert 180 < drawn[36] + drawn[35] < 270


@given(graphs())
def test_paths_drawn_alike_are_paths(graph: Graph) -> None:
    posterior, random = Posterior(graph), Random(1)
    places = [Place(4 * node, node % 2) for node in range(len(graph.starts))]
    assert {posterior.sample(random, places) for _ in range(20)} <= set(paths(graph))


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


@given(graphs(), st.data())
def test_the_chances_of_each_owner_are_sums_over_paths(graph: Graph, data: st.DataObject) -> None:
    count = len(graph.starts)
    owners = [data.draw(st.integers(0, 2)) for _ in range(count)]
    slots = sorted(data.draw(st.sets(st.integers(0, 200), min_size=count, max_size=count)))
    weights = {path: exp(score) for path, score in paths(graph).items()}
    total = sum(weights.values())
    found = Charged(slots, owners).sums(list(Posterior(graph).steps()), 0.0)
    for owner in set(owners):
        held = sum(
            weight * sum(slots[older] - slots[newer] for newer, older in zip(path, path[1:]) if owners[newer] == owner)
            for path, weight in weights.items()
        )
        assert isclose(found[owner][-1] * FRAME_BYTES, held / total, abs_tol=1e-6)


def test_of_slots_alike_one_is_shown_where_the_bytes_between_are_sure() -> None:
    """Two chains of one module through the same bytes, each as likely, against no walk at all below the last slot."""
    steps = [[(2, 0.0)], [(3, 0.0)], [(4, 0.0)], [(4, 0.0)], []]
    graph = Graph([0.0, 0.0, -inf, -inf, -3.0], [-inf, -inf, -inf, -inf, 0.0], steps)
    slots, owners = [0, 4, 0x400, 0x404, 0x800], ["hog", "hog", "hog", "hog", "nt"]
    assert Posterior(graph).path(doubtful=0.6) == (4,)
    assert len(Posterior(graph).path(doubtful=0.6, charged=Charged(slots, owners))) == 3


def clued(steps: Steps, clue: int = Clue.DEPTH_ALONE) -> List[List[Edge]]:
    """The steps with that clue each."""
    return [[(older, int(clue)) for older, _ in own] for own in steps]


@given(graphs())
def test_what_a_step_passes_over_only_adds_to_it(graph: Graph) -> None:
    for own, found in zip(graph.steps, held(graph.steps, clued(graph.steps))):
        assert [older for older, _ in own] == [older for older, _ in found]
        assert all(after >= before for (_, before), (_, after) in zip(own, found))


@pytest.mark.parametrize(
    ("clue", "odds"),
    [
        (Clue.DEPTH_UNREAD, HELD),
        (Clue.DEPTH_ALONE, PLACED),
        (Clue.DEPTH_UNREAD | Clue.EBP_FRAME, PLACED),
        (Clue.DEPTH_AT_LEAST | Clue.CHAINED, PLACED),
    ],
)
def test_a_step_over_a_whole_chain_gains_what_the_chain_does_less_the_odds(clue: int, odds: float) -> None:
    count = 42
    steps = [[(count - 1, -5.0)], *([(at + 1, 0.9)] for at in range(1, count - 2)), [], []]
    ((_, score),) = held(steps, clued(steps, clue))[0]
    least = -5.0 + 0.9 * (count - 4) - odds
    assert least <= score <= least + 2.0
    assert held([[(1, 0.9)], []], [[(1, 0)], []]) == [[(1, 0.9)], []]
    assert held(steps, clued(steps, Clue.DEPTH_AT_LEAST)) == steps  # an alloca of any size explains no chain


def test_the_odds_against_one_chain_are_paid_once_in_all_frames_that_hold_a_part_of_it() -> None:
    # Frames from 0 to 22 and on to 43, a chain of dead ones from 1 to 21 and 23 to 42.
    dead = [at for at in range(1, 43) if at != 22]
    steps: List[List[Tuple[int, float]]] = [[] for _ in range(44)]
    for at, older in zip(dead, dead[1:]):
        steps[at] = [(older, 0.9)]
    steps[0], steps[22] = [(22, -5.0)], [(43, -5.0)]
    found = held(steps, clued(steps, Clue.DEPTH_UNREAD))
    gained = found[0][0][1] + found[22][0][1] + 10.0
    assert gained == pytest.approx(0.9 * (len(dead) - 2) * (1 - HELD / (0.9 * (len(dead) - 1))))


def test_a_dead_chain_that_leads_into_a_live_one_is_still_a_chain() -> None:
    # Live: 0, 20, then 21 to 50; dead: 1 to 19, which goes on with the live 21.
    steps: List[List[Tuple[int, float]]] = [[(at + 1, 0.9)] for at in range(50)] + [[]]
    steps[0], steps[19], steps[20] = [(20, 0.2)], [(21, 0.9)], [(21, 30.0)]
    ((_, score),) = held(steps, clued(steps, Clue.DEPTH_UNREAD))[0]
    assert score > 0.2 + 0.9 * 18 - HELD - 0.1


@pytest.mark.parametrize(("lost", "whole"), [(DIP - 0.5, True), (DIP + 0.5, False)])
def test_a_dead_chain_may_lose_a_little_by_one_of_its_steps(lost: float, whole: bool) -> None:
    # A frame from 0 to 43 over a chain of dead ones, 1 to 42, of which one step is poor.
    steps: List[List[Tuple[int, float]]] = [[(at + 1, 0.9)] for at in range(42)] + [[], []]
    steps[0], steps[21] = [(43, 0.0)], [(22, -lost)]
    ((_, score),) = held(steps, clued(steps))[0]
    assert score == pytest.approx((0.9 * 40 - lost if whole else 0.9 * 20) - PLACED, abs=0.91)


def recursion(turns: int, places: Sequence[int]) -> Tuple[Graph, List[Node]]:
    """Turns of 10h bytes, each of which may hold a second return address 8 bytes on; `places`: those that do."""
    nodes, steps = [], []
    slots = sorted([*(0x10 * turn for turn in range(turns + 1)), *(0x10 * turn + 8 for turn in places)])
    for slot in slots:
        address = OTHER if slot % 0x10 else AGAIN
        nodes.append(Node(slot, address, int(Clue.UNREAD), None, slot + 4, 0, 0, False))
        onward = [slot + 8] if slot % 0x10 else [slot + 8, slot + 0x10]
        steps.append([(slots.index(older), 0.0) for older in onward if older in slots])
    ends = [-inf] * (len(slots) - 1) + [0.0]
    return Graph([0.0] + [-inf] * (len(slots) - 1), ends, steps), nodes


def test_the_turns_of_a_recursion_tell_of_each_other() -> None:
    """Both ways through a turn are as likely, but one of them can be taken in few turns."""
    graph, nodes = recursion(12, [3, 7])
    before, after = Posterior(graph).nodes(), Posterior(alike(graph, nodes)).nodes()
    rare = [number for number, node in enumerate(nodes) if node.address == OTHER]
    assert len(rare) == 2
    assert all(before[number] == pytest.approx(0.5) and after[number] < 0.25 for number in rare)


def test_what_lies_at_few_places_tells_nothing_of_itself() -> None:
    graph, nodes = recursion(2, [1])
    assert alike(graph, nodes) is graph


@given(graphs())
def test_the_likeliest_kind_of_step_loses_nothing(graph: Graph) -> None:
    nodes = [Node(4 * at, AGAIN, int(Clue.UNREAD), None, 4 * at + 4, 0, 0, False) for at in range(len(graph.starts))]
    found = alike(graph, nodes)
    assert (found.starts, found.ends) == (graph.starts, graph.ends)
    for own, weighed in zip(graph.steps, found.steps):
        lost = [before - after for (_, before), (_, after) in zip(own, weighed)]
        assert [older for older, _ in own] == [older for older, _ in weighed]
        assert all(-1e-9 <= one <= -LEAST + 1e-9 for one in lost)
        assert not lost or min(lost) == pytest.approx(0.0, abs=1e-9)
