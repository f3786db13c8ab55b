"""One run: the target it looks at, and the analysis done on demand, once."""

from __future__ import annotations

from typing import Dict, Optional

from hogwalk.analysis import Evidence, Tell, Wanted, gather
from hogwalk.code.depth import StackDepths
from hogwalk.errors import BadInput, NothingFound
from hogwalk.explain.explain import Explainer
from hogwalk.explain.records import Explanation
from hogwalk.model import Frame, Symbol, Triple
from hogwalk.report.build import build
from hogwalk.report.document import Report
from hogwalk.target.protocol import Target
from hogwalk.walk.choose import Choice, choose, frame_count, walk_from
from hogwalk.walk.frames import FrameReader


class Run:
    """A target and what was found out about it so far."""

    def __init__(self, target: Target, wanted: Wanted, triple: Optional[Triple], tell: Tell) -> None:
        self.target = target
        self._wanted = wanted
        self._triple = triple
        self._tell = tell
        self._evidence: Optional[Evidence] = None
        self._report: Optional[Report] = None
        self._explainer: Optional[Explainer] = None

    def evidence(self) -> Evidence:
        """The stack and what each word of it can be."""
        if self._evidence is None:
            self._evidence = gather(self.target, self._wanted, self._tell)
        return self._evidence

    def report(self) -> Report:
        """The report of the best walk, or of the walk from the triple given."""
        if self._report is None:
            self._report = build(self.target, self.evidence(), self._choice())
        return self._report

    def complete(self) -> None:
        """Asks everything that any command could ask, so that a recording of this run answers them all."""
        self.call_targets()
        for frame in self.report().frames:
            if frame.bytes:
                self.explain(frame)

    def explain(self, frame: Frame) -> Explanation:
        """Why a frame is so big; raises NothingFound for a frame without bytes."""
        if self._explainer is None:
            evidence = self.evidence()
            depths = StackDepths(evidence.reader)
            self._explainer = Explainer(depths, evidence.judge.function_start, self._name)
        return self._explainer.explain(frame)

    def _name(self, address: int) -> str:
        (symbol,) = self.target.symbols([address])
        return symbol.text() if symbol is not None else ""

    def call_targets(self) -> Dict[int, Optional[Symbol]]:
        """The names of the functions that the calls before the stack's return addresses call."""
        evidence = self.evidence()
        found = {evidence.sites.at(word).target for word in evidence.symbols}
        targets = sorted(target for target in found if target is not None)
        return dict(zip(targets, self.target.symbols(targets)))

    def _choice(self) -> Choice:
        evidence = self.evidence()
        reader = FrameReader(evidence.image, evidence.sites, evidence.judge)
        self._tell("asking the debugger to walk the stack (kf)")
        if self._triple is not None:
            walk = walk_from(self.target, reader, self._triple, frame_count(evidence.region.size))
            if not walk.frames:
                raise BadInput("kf finds no frame on this stack from that triple", "try one that `candidates` lists")
            return Choice((walk,), (walk,))
        choice = choose(self.target, reader, evidence.image, evidence.candidates)
        if choice is None:
            raise NothingFound(
                "no chain of saved EBPs and return addresses in this stack",
                "`stack` shows what is there; check --limit and --base against !thread",
            )
        return choice
