"""Weighs clues: from what is known about the candidates to a graph of scores."""

from __future__ import annotations

from math import inf, log1p
from typing import Collection, Dict

from hogwalk.walk.rebuild.chained import Chains
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import CluedStack
from hogwalk.walk.rebuild.graph import Graph, Posterior, Steps
from hogwalk.walk.rebuild.stale import held
from hogwalk.walk.rebuild.weights import WEIGHTS

# Which slot of chains that no register starts is the newest live one: what each way to be one weighs (natural
# logarithms), most likely on 172 lab cases of user-raw.
NEWER, SHORTER = -0.86, -1.08  # of log(1 + newer slots), and of log(1 + frames fewer than the longest chain has)
EXACT, AGAINST = int(Clue.DEPTH | Clue.DEPTH_ALONE), int(Clue.DEPTH_OTHER | Clue.DEPTH_NOWHERE)
UNFIT = AGAINST | int(Clue.OTHER_TARGET | Clue.NO_TABLE_TARGET | Clue.CHAIN_BROKEN | Clue.EBP_KEPT_BADLY)
PREDICTED_ON = int(Clue.PREDICTED_ON)
NO_END = PREDICTED_ON | int(Clue.EARLY_END)
NEWEST = int(Clue.REACHES_LIMIT | Clue.MAY_REACH_NEAR | Clue.MAY_REACH)
UNSEEN = -60.0  # of ending at a candidate that was passed over: more than anything that is against an end
LED_TO, FAR, KB = -0.7, -0.56, 1024  # of one that a newer slot leads to, and of each KB above where ESP can lie


def weigh(clued: CluedStack) -> Graph:
    """The scores of all starts, steps and ends."""
    scale = clued.edges.scale
    own = [node.clues for node in clued.nodes]
    steps: Steps = held([scale.steps(own, number, found) for number, found in enumerate(clued.edges.steps)])
    looked_at = [prediction is not None for prediction in clued.edges.predictions]
    ends = [scale.weigh(mask) if seen else UNSEEN for mask, seen in zip(clued.ends, looked_at)]
    starts = [-inf] * len(own)
    if clued.chains.whole:
        numbers = {node.slot: number for number, node in enumerate(clued.nodes)}
        onward = Posterior(Graph(starts, ends, steps)).onward
        for slot, score in _newest(clued.chains).items():
            starts[numbers[slot]] = score - onward[numbers[slot]]  # so that a longer chain is no likelier for that
        return Graph(starts, ends, steps)
    for number, mask in clued.starts.items():
        starts[number] = scale.weigh(mask)
    return Graph(starts, ends, steps)


def _outranked(clued: CluedStack, graph: Graph) -> Graph:
    """The scores, what is against the code weighed down once more where nothing but that goes by the live frames.

    However long a chain of earlier calls lies inside one large frame: where the best walk leaves an exact depth, or
    ends where one leads on, and exact steps alone lead from another slot that can be the newest to the same older
    frames, or to the thread's first one, these are the live ones.
    """
    path, found = graph.best(), clued.edges.steps
    broken = [at for at, (newer, older) in enumerate(zip(path, path[1:]), 1) if dict(found[newer])[older] & AGAINST]
    if not broken and not (path and clued.ends[path[-1]] & PREDICTED_ON):
        return graph
    goals = path[broken[0] :] if broken else ()
    if not any(mask & NEWEST and _leads_exactly(clued, number, goals) for number, mask in clued.starts.items()):
        return graph
    against = WEIGHTS[Clue.DEPTH_OTHER]
    steps = [
        [(older, score + against if masks[older] & AGAINST else score) for older, score in scores]
        for masks, scores in zip(map(dict, found), graph.steps)
    ]
    ends = [score + against * bool(mask & PREDICTED_ON) for score, mask in zip(graph.ends, clued.ends)]
    return Graph(graph.starts, ends, steps)


def _leads_exactly(clued: CluedStack, number: int, goals: Collection[int]) -> bool:
    """Whether exact steps, each the only one, lead from a node to one of the goals, or to where a walk may well end."""
    at = number
    while at not in goals:
        onward = [to for to, mask in clued.edges.steps[at] if mask & EXACT and not mask & UNFIT]
        if len(onward) != 1:
            return at != number and not clued.ends[at] & NO_END
        (at,) = onward
    return at != number


def _newest(chains: Chains) -> Dict[int, float]:
    """For each slot of the whole chains what its being the newest live one weighs."""
    onward, end = chains.onward, chains.esp[1] if chains.esp is not None else 0
    links: Dict[int, int] = {}
    for slot in reversed(chains.whole):
        older = onward[slot]
        links[slot] = 1 + (0 if older is None else links[older])
    most, led_to = max(links.values()), set(onward.values())
    return {
        slot: NEWER * log1p(newer)
        + SHORTER * log1p(most - links[slot])
        + LED_TO * (slot in led_to)
        + FAR * max(0, slot - end) / KB
        for newer, slot in enumerate(chains.whole)
    }
