"""One run: the target it looks at, and the analysis done on demand, once."""

from __future__ import annotations

import contextlib
import gc
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Dict, Iterator, Optional, Sequence, Tuple, Union

from hogwalk.answer.report.build import build
from hogwalk.answer.report.document import Report
from hogwalk.earlier import Earlier, Heard
from hogwalk.errors import BadInput, CommandFailed, NoDebugger, NothingFound, Unreadable
from hogwalk.machine.words import X86
from hogwalk.model import Frame, PrintedWalk, Symbol, Triple, Trust
from hogwalk.targets.protocol import Announce, Target
from hogwalk.walk.evidence import Evidence, Request, Seen, gather, look, weigh
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.modules import Unlisted
from hogwalk.walk.facts.region import find_region
from hogwalk.walk.facts.segments import older_segments
from hogwalk.walk.facts.sites import SiteKind
from hogwalk.walk.kf.choose import Asked, Choice, choose, frame_count, walk_from
from hogwalk.walk.kf.frames import FrameReader
from hogwalk.walk.merge.walks import Walks, both, debugger_only, reconstruction

if TYPE_CHECKING:
    from hogwalk.answer.explain.explain import Explainer
    from hogwalk.answer.explain.explain64 import Explainer64
    from hogwalk.answer.explain.records import Explanation


MANY = 100_000  # objects that come before Python looks for rings of dead ones; its own 700 cost a sixth of a triage

Unasked = Callable[[int], str]


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """While it lasts Python looks for rings of dead objects less often; as it was again afterwards."""
    usual = gc.get_threshold()
    if usual[0]:
        gc.set_threshold(max(MANY, usual[0]), *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _asked(_: int) -> str:
    return ""


def _borne_out(frames: Sequence[Frame]) -> int:
    return sum(1 for frame in frames if frame.trust in (Trust.LINKED, Trust.CALL))


class Run:
    """A target and what was found out about it so far."""

    def __init__(
        self,
        target: Target,
        wanted: Request,
        triple: Optional[Triple],
        announce: Announce,
        unasked: Unasked = _asked,
        earlier: Optional[Earlier] = None,
    ) -> None:
        """`unasked` says why the debugger's own walk of a stack of so many bytes is not made; "" where it is.

        `earlier` keeps what this run finds out, for the next one of the same session.
        """
        self._earlier = earlier if earlier is not None and not target.about().live else None
        self.target = target
        self._wanted = wanted
        self._triple = triple
        self._announce = announce
        self._seen: Optional[Seen] = None
        self._evidence: Optional[Evidence] = None
        self._walks: Optional[Walks] = None
        self._without_table = False
        self._unasked = unasked
        self._refused = ""
        self._report: Optional[Report] = None
        self._explainer: Union[Explainer, Explainer64, None] = None

    def seen(self) -> Seen:
        """The stack and what is known of it before any code is read."""
        if self._seen is None:
            self._seen = look(self.target, self._wanted, self._announce)
        return self._seen

    @seldom_collected()
    def evidence(self) -> Evidence:
        """The stack and what each word of it can be."""
        if self._evidence is None:
            self._evidence = weigh(self.target, self.seen(), self._announce)
        return self._evidence

    def stack(self) -> Optional[StackImage]:
        """The stack as it was read; None before that."""
        return None if self._seen is None else self._seen.image

    def unlisted(self) -> Optional[Unlisted]:
        """What the debugger lacks of a live machine's modules, where that was looked at and found."""
        if self._report is not None:
            return self._report.unlisted
        return None if self._seen is None else self._seen.unlisted

    @seldom_collected()
    def report(self) -> Report:
        """The report of the best walk, or of the walk from the triple given."""
        if self._report is None:
            printed = self._printed()
            if printed is not None:
                from hogwalk.answer.report.printed import build_printed  # here, for only texts have tables

                self._report = build_printed(self.target, printed)
                if not printed.asked and self._outdone(self._report):
                    self.leave_table()
            if self._report is None:
                walks = self.walks()  # first: they bring evidence along
                found = build(self.target, self.evidence(), walks)
                self._report = replace(found, older=self._older())
        return self._report

    def _outdone(self, report: Report) -> bool:
        # Whether a text shows the words that its table's rows lie among, and the code lines there bear out fewer of
        # the rows than of the reconstruction's frames: then kf was lost, and its table is one witness of several.
        rows, first = _borne_out(report.frames), report.frames[0].return_slot or 0
        if not rows or report.about.machine != "x86" or not 0 < first < report.region.base:
            return False
        try:
            self.target.read(first, report.region.base - first)
            return _borne_out(self.walks().frames) > rows
        except (Unreadable, NothingFound):
            return False

    def _older(self) -> Tuple[Report, ...]:
        """The reports of the segments in which the thread ran before it was given this one, newest first."""
        own, found = self.walks().own, []
        registers = own.onward if own is not None else None
        if self._triple is not None:
            return ()
        for segment in older_segments(self.target, self.evidence().region):
            region = segment.region
            start = registers if registers is not None and registers.sp in region else None
            try:
                evidence = gather(self.target, Request(region.limit, region.base, region.thread), self._announce, start)
            except BadInput:
                break  # its pages are not there
            evidence = replace(evidence, region=region)
            walks = both(evidence, None, reconstruction(evidence)(self._announce))
            if walks is None:
                break
            found.append(build(self.target, evidence, walks))
            registers = walks.own.onward if walks.own is not None else None
        return tuple(found)

    def _printed(self) -> Optional[PrintedWalk]:
        # A text's own stack table, where it is the best there is and nothing else was asked for.
        if self._without_table or self._triple is not None:
            return None
        printed, wanted = self.target.printed_walk(), self._wanted
        if wanted.context is not None:
            return None
        if printed is None or wanted.limit is None or wanted.base is None:
            return printed
        given = find_region(self.target, wanted.limit, wanted.base, wanted.thread)
        return replace(printed, region=given, bounded=True)

    def leave_table(self) -> None:
        """From here on a text's stack table is one witness of several, and the reconstruction is made."""
        self._without_table, self._report = True, None

    @seldom_collected()
    def walks(self) -> Walks:
        """The debugger's walks and hogwalk's own, stitched."""
        if self._walks is None:
            earlier = self._earlier
            if earlier is not None and self._evidence is None and self._triple is None:
                self._evidence = weigh(self.target, self.seen(), self._announce, earlier.evidence)
            self._walks = self._find_walks()
        return self._walks

    def ask_everything(self) -> None:
        """Asks everything that any command could ask, so that a recording of this run answers them all."""
        printed = self.report().printed
        if printed is not None and self.target.about().machine != "x86":
            return
        self.call_targets()
        for frame in self.report().frames:
            if frame.bytes:
                self.explain(frame)

    def explain(self, frame: Frame) -> Explanation:
        """Why a frame is so big; raises NothingFound for a frame without bytes."""
        if self._explainer is None:
            # Here, for only this needs the disassembler, which takes as long to load as all else.
            from hogwalk.answer.explain.explain import Explainer
            from hogwalk.answer.explain.explain64 import Explainer64
            from hogwalk.machine.x86.depth import StackDepths

            evidence = self.evidence()
            if evidence.image.machine is not X86:
                self._explainer = Explainer64(evidence, self._name)
                return self._explainer.explain(frame)
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

    def _find_walks(self) -> Walks:
        if self._triple is not None:
            return debugger_only(self._walk_from(self._triple), self.evidence().image)
        unasked, earlier = self._unasked(self.evidence().region.size), self._earlier
        if earlier is not None and self._evidence is earlier.evidence:
            known = earlier.walks(self.target, self.evidence(), unasked)
            if known is not None:
                return known
            self._evidence = weigh(self.target, self.seen(), self._announce)  # as it was before any walk
        heard = Heard(self.target)
        walks = self._both(heard, bool(unasked))
        if walks is None:
            raise NothingFound(
                "no frame can be found in this stack: no return address and no chain of frames that fits",
                "`stack` shows what is there; check --limit and --base against !thread",
            )
        walks = replace(walks, unasked=unasked or self._refused)
        if earlier is not None and not self._refused:
            earlier.keep(self.evidence(), walks, heard.answers, unasked)
        return walks

    def _both(self, heard: Asked, unasked: bool) -> Optional[Walks]:
        evidence = self.evidence()
        # Of x64 the reconstruction reads as it goes: beside a busy debugger it would only wait.
        if unasked or evidence.image.machine is not X86:
            choice = None if unasked else self._choice(heard)
            rows = choice.frames if choice is not None and evidence.about.kind == "text" else ()
            return both(evidence, choice, reconstruction(evidence, rows)(self._announce))
        choice, own = self.target.beside(lambda: self._choice(heard), reconstruction(evidence), self._announce)
        return both(evidence, choice, own)

    def _walk_from(self, triple: Triple) -> Choice:
        evidence = self.evidence()
        walk = walk_from(self.target, self._frame_reader(), triple, frame_count(evidence.region.size))
        if not walk.frames:
            raise BadInput("kf finds no frame on this stack from that triple", "try one that `candidates` lists")
        return Choice((walk,), (walk,))

    def _choice(self, target: Asked) -> Optional[Choice]:
        # The debugger's own walk, where there is a debugger and it finds one.
        evidence = self.evidence()
        self._announce("asking the debugger to walk the stack (kf)")
        try:
            return choose(target, self._frame_reader(), evidence.image, evidence.candidates, self._readable())
        except NoDebugger:
            return None
        except CommandFailed as refused:
            if self.target.about().live:  # the line may be lost, and that is said first
                raise
            self._refused = f"{refused.wrong}: every frame is from hogwalk's own walk"
            return None

    def _readable(self) -> bool:
        # Whether the code of all return addresses of an x64 stack can be read.
        sites, words = self.evidence().sites, self.evidence().symbols
        return self.evidence().unwinding is not None and all(
            sites.at(word).kind is not SiteKind.UNREAD for word in words
        )

    def _frame_reader(self) -> FrameReader:
        evidence = self.evidence()
        parts = evidence.image, evidence.sites, evidence.judge, evidence.traps
        if evidence.image.machine is X86:
            return FrameReader(*parts)
        from hogwalk.walk.kf.frames64 import FrameReader64

        assert evidence.unwinding is not None
        return FrameReader64(*parts, evidence.unwinding)
