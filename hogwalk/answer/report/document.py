"""The records of a report; frozen and complete, so that a renderer needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from hogwalk.answer.charge.books import NO_MODULE, Share
from hogwalk.answer.charge.cycles import Cycle
from hogwalk.answer.charge.products import Product
from hogwalk.model import About, Frame, PrintedWalk, Process, Raised, Region, Registers, Triple, Version
from hogwalk.walk.facts.gaps import Gap
from hogwalk.walk.facts.modules import Unlisted
from hogwalk.walk.kf.frames import Walk
from hogwalk.walk.kf.rank import Candidate
from hogwalk.walk.merge.compare import Difference
from hogwalk.walk.rebuild.confidence import Confidence

SCHEMA = "hogwalk-report/2"


@dataclass(frozen=True)
class ModuleUse:
    """A module's share of the stack, the product it belongs to, and what its file says of itself (None: unread)."""

    share: Share
    product: Product
    symbols: str
    version: Optional[Version] = None


@dataclass(frozen=True)
class ProductUse:
    """A product's share of the stack."""

    product: Product
    share: Share


@dataclass(frozen=True)
class Weight:
    """How likely it is that a frame is live, and what speaks for it and against it, in words."""

    probability: float
    reasons: Tuple[str, ...]


@dataclass(frozen=True)
class Start:
    """The triple the walk began at, and the command that repeats it; `candidate` is None for a triple given by hand."""

    triple: Triple
    command: str
    candidate: Optional[Candidate]


@dataclass(frozen=True)
class OtherStack:
    """Rows of a printed table that lie on another stack than the report's, and their modules' shares; in no sum."""

    frames: Tuple[Frame, ...]
    shares: Tuple[Share, ...]


@dataclass(frozen=True)
class Report:
    """Everything hogwalk found out about one stack.

    `tried` are the debugger's walks, `segments` those whose rows are used; `comparison` sets them beside hogwalk's own
    walk (empty without any), `dropped` are kf's rows left out for it, `confidence` says how sure the hog is (None
    without an own walk).
    `frames` are newest first, `weights` goes with them (None for rows that kf alone has); the bytes of `frames` and
    `gaps` add up to `region.size` and what lies below Limit.  `printed` is the stack table whose rows the frames are,
    `other_stacks` its rows on other stacks.  `registers` are what the walk starts with, or, on another
    stack, the fault's; `newest` the lowest stack pointer known of this stack where that is a newer context's, `access`
    the address that the fault wanted, `raised` the exception of this thread.
    `older` are the reports of the thread's segments before this one, `unlisted` says what the debugger lacks of a live
    machine's modules.
    """

    about: About
    region: Region
    registers: Optional[Registers]
    candidates: Sequence[Candidate]
    tried: Tuple[Walk, ...]
    segments: Tuple[Walk, ...]
    comparison: Tuple[Difference, ...]
    confidence: Optional[Confidence]
    dropped: Tuple[Frame, ...]
    start: Optional[Start]
    frames: Tuple[Frame, ...]
    weights: Tuple[Optional[Weight], ...]
    modules: Tuple[ModuleUse, ...]
    products: Tuple[ProductUse, ...]
    functions: Tuple[Share, ...]
    gaps: Tuple[Gap, ...]
    cycle: Optional[Cycle]
    notes: Tuple[str, ...]
    commands: Tuple[str, ...]
    printed: Optional[PrintedWalk] = None
    other_stacks: Tuple[OtherStack, ...] = ()
    process: Optional[Process] = None
    newest: Optional[int] = None
    access: Optional[int] = None
    raised: Optional[Raised] = None
    older: Tuple[Report, ...] = ()
    unlisted: Optional[Unlisted] = None

    @property
    def base_known(self) -> bool:
        """Whether Base is known, and not only where the last printed row lies."""
        return self.printed is None or self.printed.bounded

    @property
    def below_limit(self) -> int:
        """Bytes of the frames that lie below Limit, on the guard page: the sum of frames and gaps is larger by them."""
        sized = [frame for frame in self.frames if frame.bytes is not None]
        if not sized:
            return 0
        start = sized[0].top(self.about.words.word) - (sized[0].bytes or 0)
        return max(0, self.region.limit - start)

    @property
    def walked(self) -> int:
        """Bytes charged to frames."""
        return sum(frame.bytes or 0 for frame in self.frames)

    @property
    def hog(self) -> Optional[ProductUse]:
        """The product that holds most bytes, the operating system's own left aside; it, when there is no other.

        Frames in no module accuse nobody.  None where modules that the debugger does not know can hold more.
        """
        owned = [use for use in self.products if use.product.name != NO_MODULE]
        others = [use for use in owned if not use.product.system]
        found = next(iter(others or owned), None)
        if self.unlisted is None or found is None or (others and found.share.bytes >= self.unknown):
            return found
        return None

    @property
    def unknown(self) -> int:
        """Bytes that are charged to no module: those of frames in none, and the gaps."""
        held = sum(use.share.bytes for use in self.products if use.product.name == NO_MODULE)
        return held + sum(gap.bytes for gap in self.gaps)

    @property
    def system(self) -> Tuple[ProductUse, ...]:
        """The operating system's own products: one with version data, its modules one by one without."""
        return tuple(use for use in self.products if use.product.system)

    def biggest(self, count: int) -> Tuple[Frame, ...]:
        """The frames with most bytes, largest first."""
        sized = [frame for frame in self.frames if frame.bytes]
        return tuple(sorted(sized, key=lambda frame: (-(frame.bytes or 0), frame.return_slot))[:count])
