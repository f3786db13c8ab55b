"""Weighs clues: from what is known about the candidates to a graph of scores."""

from __future__ import annotations

from math import inf, log1p
from typing import Dict, List

from hogwalk.walk.rebuild.chained import Chains
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import CluedStack
from hogwalk.walk.rebuild.graph import Graph, Posterior, Steps
from hogwalk.walk.rebuild.stale import held

# Which slot of chains that no register starts is the newest live one: what each way to be one weighs (natural
# logarithms), most likely on 172 lab cases of user-raw.
NEWER, SHORTER = -0.86, -1.08  # of log(1 + newer slots), and of log(1 + frames fewer than the longest chain has)
UNSEEN = -60.0  # of ending at a candidate that was passed over: more than anything that is against an end
LED_TO, FAR, KB = -0.7, -0.56, 1024  # of one that a newer slot leads to, and of each KB above where ESP can lie
# What each KB of candidates left above an early end takes, for a stack's walk goes on to its thread's first frame: else
# a recursion of 318 turns in unread code (tests.real.stacks, 620) was no walk; 279 other walks are the same.
LEFT = 2.0

EARLY_END = int(Clue.EARLY_END)


def weigh(clued: CluedStack) -> Graph:
    """The scores of all starts, steps and ends."""
    scale = clued.edges.scale
    own = [node.clues for node in clued.nodes]
    scores = [scale.steps(own, number, found) for number, found in enumerate(clued.edges.steps)]
    steps: Steps = held(scores, clued.edges.steps)
    ends = _ends(clued)
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


def _ends(clued: CluedStack) -> List[float]:
    found: List[float] = []
    for node, mask, prediction in zip(clued.nodes, clued.ends, clued.edges.predictions):
        end = clued.edges.scale.weigh(mask) if prediction is not None else UNSEEN
        left = (clued.nodes[-1].slot - node.slot) / KB if mask & EARLY_END else 0.0
        found.append(end - LEFT * left)
    return found


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
