"""Candidates that are passed over: fewer are looked at, and the walk stays the same."""

from __future__ import annotations

from math import inf
from typing import Callable, List, Tuple

import pytest

from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.facts.sites import SiteKind
from hogwalk.walk.rebuild import rebuild
from hogwalk.walk.rebuild.collect import CluedStack, Collector
from hogwalk.walk.rebuild.graph import Posterior
from hogwalk.walk.rebuild.nodes import Node
from hogwalk.walk.rebuild.pruner import CLOSE_DEFICIT, MAX_DEFICIT, Pruner
from hogwalk.walk.rebuild.scale import Scale
from hogwalk.walk.rebuild.weigh import weigh
from tests.bench.scale import BASE, FRAME, Plain, stack_of
from tests.stackhog import DUMP, SYMBOLS


@pytest.fixture(scope="module", params=["stackhog", "ring"])
def evidence(request: pytest.FixtureRequest) -> Evidence:
    if request.param == "stackhog":
        return gather(open_dump(str(DUMP), str(SYMBOLS)), Request(), lambda doing: None)
    stack = stack_of(64 << 10)
    return gather(Plain(stack), Request(BASE - len(stack), BASE), lambda doing: None)


def looked_at(clued: CluedStack) -> int:
    return sum(prediction is not None for prediction in clued.edges.predictions)


@pytest.mark.parametrize("margin", [CLOSE_DEFICIT, MAX_DEFICIT])
def test_passing_over_hopeless_candidates_changes_no_probability(evidence: Evidence, margin: float) -> None:
    collector = Collector(evidence)
    some, every = collector.collect(margin), collector.collect(inf)
    assert looked_at(some) < 0.8 * looked_at(every)
    prediction, wanted = (Posterior(weigh(clued)) for clued in (some, every))
    assert prediction.path() == wanted.path()
    assert prediction.nodes() == pytest.approx(wanted.nodes(), abs=1e-6)


def test_a_ring_of_calls_is_walked_frame_by_frame() -> None:
    stack = stack_of(64 << 10)
    found = rebuild(gather(Plain(stack), Request(BASE - len(stack), BASE), lambda doing: None))
    sizes = {older.return_slot - newer.return_slot for newer, older in zip(found.frames, found.frames[1:])}
    assert sizes == {FRAME}
    assert len(found.frames) > len(stack) // FRAME - 4


def test_a_walk_far_behind_is_not_worth_following() -> None:
    nodes = [Node(at, at, 1, None, at + 4, 0, 0, False) for at in range(0, 12, 4)]
    steps: Tuple[Tuple[int, int], ...] = ((2, 1 << 8 | 1 << 17),)
    pruner = Pruner(nodes, {0: 1 << 46, 1: 1 << 47 | 1 << 49}, 5.0, Scale())
    assert pruner.may_win(0)
    assert pruner.may_win(1)  # nothing has been looked at yet
    pruner.advance(0, steps)
    assert not pruner.may_win(1)
    assert pruner.may_win(2)


def test_all_is_looked_at_only_where_the_walk_leads_through_unread_code(monkeypatch: pytest.MonkeyPatch) -> None:
    margins: List[float] = []
    collect = Collector.collect

    def noted(self: Collector, margin: float, announce: Callable[[str], None]) -> CluedStack:
        margins.append(margin)
        return collect(self, margin, announce)

    monkeypatch.setattr(Collector, "collect", noted)
    stray = gather(open_dump(str(DUMP), str(SYMBOLS)), Request(), lambda doing: None)
    assert Collector(stray).unread == 1
    rebuild(stray)
    assert margins == [CLOSE_DEFICIT]
    margins.clear()
    live = rebuild(stray).frames[60]
    blind = stray.sites.at(live.return_address)._replace(kind=SiteKind.UNREAD, call=None, target=None)
    stray.sites._sites[live.return_address] = blind
    rebuild(stray)
    assert margins[-1] == inf
