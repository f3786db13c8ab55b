"""What a reader must know to weigh the report: each note says what is missing or odd, and what to try."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from hogwalk.answer.charge.books import NO_MODULE
from hogwalk.answer.report.document import ModuleUse, Report
from hogwalk.machine.words import X64, X86, shown
from hogwalk.model import Frame, Source, Trust
from hogwalk.targets.parsers.remarks import is_remark, meaning, of_file
from hogwalk.targets.protocol import Target
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.image import MOST_LOOKED
from hogwalk.walk.facts.kernel import crashed_thread
from hogwalk.walk.facts.modules import Unlisted
from hogwalk.walk.facts.segments import older_segments
from hogwalk.walk.kf.frames import PROVEN, Walk
from hogwalk.walk.merge.walks import Walks

MACHINE_RSP = 3 * X64.word  # from RIP in what the processor pushes: CS and RFLAGS lie between
MOST_HOLES = 3  # named one by one; more are summed up
IMAGES = "(-i, .exepath) would tell"
RELOAD = "type .reload, then run this again"


def notes(target: Target, evidence: Evidence, walks: Walks, modules: Sequence[ModuleUse]) -> Tuple[str, ...]:
    """The notes on the walks, the gravest first."""
    found: List[str] = []
    found.extend(_cut(evidence))
    found.extend(_unproven(walks.frames))
    found.extend(_who(walks))
    found.extend(_left_over(walks))
    found.extend(_processor(target, evidence))
    found.extend(_holes(evidence))
    if not older_segments(target, evidence.region):  # else these are shown
        found.extend(_other_stack(evidence, walks.frames))
    for walk in walks.segments:
        found.extend(_rows(walk))
    found.extend(module_notes(modules, IMAGES if evidence.about.kind != "text" else ""))
    found.extend(note for note in target.notes if not is_remark(note))
    # What a debugger says of files amid its rows it says once in a session; the target makes it again at each call.
    text = evidence.about.kind == "text"
    of_walks = (note for walk in walks.segments for note in walk.notes if text or not of_file(note))
    names = [use.share.name for use in modules if use.share.name != NO_MODULE]
    found.extend(meaning([*filter(is_remark, target.notes), *of_walks], names))
    return tuple(found)


def unlisted_words(found: Unlisted) -> str:
    """That the debugger knows too few of a live machine's modules."""
    lists = "1 module" if found.known == 1 else f"{found.known} modules"
    lacks = "" if found.lacks is None else f" and lacks one of PsLoadedModuleList, at {shown(found.lacks)}"
    return f"the debugger lists {lists}{lacks}: what modules that it does not know hold is charged to nobody; {RELOAD}"


def withheld(report: Report) -> str:
    """Why no hog is named although frames are charged to somebody; "" where that is not so."""
    if report.unlisted is None or report.hog is not None:
        return ""
    return f"{report.unknown} bytes can be of modules that the debugger does not know; {RELOAD}"


def _unproven(frames: Sequence[Frame]) -> List[str]:
    found = []
    unread = sum(1 for frame in frames if frame.trust is Trust.UNREAD)
    if unread:
        found.append(
            f"{unread} of {len(frames)} return addresses lie in code that cannot be read, so no call before them "
            "could be checked; give the images (-i, .exepath) to raise the trust"
        )
    doubtful = [frame for frame in frames if frame.trust not in PROVEN and frame.trust is not Trust.UNREAD]
    if doubtful:
        found.append(
            f"{len(doubtful)} of {len(frames)} frames have a return address without a call before it, "
            f"the first at {shown(doubtful[0].return_slot)}; what follows such a frame may be wrong"
        )
    return found


def _who(walks: Walks) -> List[str]:
    if not walks.segments:
        return [walks.unasked or "no debugger walked this stack: every frame is from hogwalk's own walk"]
    alone = sum(1 for frame in walks.frames if frame.source is Source.HOGWALK and not frame.running)
    if not (alone or walks.dropped):
        return []
    return [
        f"kf and hogwalk's own walk differ: {alone} frames are hogwalk's alone, {len(walks.dropped)} rows of kf are "
        "left out; `compare` shows which and why"
    ]


def _left_over(walks: Walks) -> List[str]:
    if walks.own is None or not (walks.own.left_over or walks.own.esp):
        return []
    return [
        "no registers tell where this stack's newest frame is: the newest rows may be left over from calls that have "
        "returned (`walk --why` says how likely each is live)"
    ]


def _processor(target: Target, evidence: Evidence) -> List[str]:
    """Where the crash was on another processor than the debugger's current one."""
    check = evidence.about.bugcheck
    if check is None or not check.double_fault:
        return []
    thread, current = evidence.region.thread, target.thread()
    if None in (thread, current) or thread == current or thread != crashed_thread(target):
        return []
    return [
        f"the double fault was on another processor than the current one: this is its thread {shown(thread or 0)}; "
        f"--thread {shown(current or 0)} shows the current one's"
    ]


def _other_stack(evidence: Evidence, frames: Sequence[Frame]) -> List[str]:
    """Where a walk of x64 leaves this stack by a machine frame for another one of the kernel's."""
    image = evidence.image
    last = frames[-1] if frames else None
    if image.machine is X86 or last is None or last.trust is not Trust.TRAP:
        return []
    rsp = image.word(last.return_slot + MACHINE_RSP)
    if rsp is None or rsp <= image.machine.mask >> 1 or rsp in image.region:
        return []
    return [
        f"the walk goes on on another stack, at RSP {shown(rsp)}: a thread's older segment, or the stack that was "
        "interrupted; its --limit and --base show it"
    ]


def _cut(evidence: Evidence) -> List[str]:
    image = evidence.image
    if not image.cut_above:
        return []
    start = image.end
    return [
        f"only the newest {MOST_LOOKED} words that point into modules were looked at: {image.cut_above} bytes from "
        f"{shown(start)} on may be anybody's; --limit {shown(start)} --base {shown(evidence.region.base)} looks there"
    ]


def _holes(evidence: Evidence) -> List[str]:
    holes = [hole for hole in evidence.image.holes if hole not in evidence.image.cut]
    if len(holes) > MOST_HOLES:
        size = sum(end - start for start, end in holes)
        return [f"{size} bytes of the stack in {len(holes)} places cannot be read; they count as gaps"]
    return [f"stack {shown(start)}..{shown(end)} cannot be read; it counts as a gap" for start, end in holes]


def _rows(walk: Walk) -> List[str]:
    found = []
    if walk.rest:
        rows = "1 row" if len(walk.rest) == 1 else f"{len(walk.rest)} rows"
        found.append(f"{rows} that kf printed last left out of all sums: {walk.stop}")
    found.extend(f"kf printed a line hogwalk cannot read: {line.strip()}" for line in walk.unparsed)
    return found


def module_notes(modules: Sequence[ModuleUse], remedy: str = "") -> List[str]:
    """What is not known of the modules on the stack; `remedy` would give the versions that are missing."""
    return [*_symbols(modules), *_versions(modules, remedy)]


def _symbols(modules: Sequence[ModuleUse]) -> List[str]:
    bare = [use.share.name for use in modules if use.symbols in ("none", "export")]
    if not bare:
        return []
    return [f"no symbols (or exports only) for {', '.join(bare)}: their functions' names are only the nearest known"]


def _versions(modules: Sequence[ModuleUse], remedy: str) -> List[str]:
    bare = [use.share.name for use in modules if not use.product.known and use.share.name != NO_MODULE]
    if not bare:
        return []
    more = f"; their images {remedy}" if remedy else ""
    return [f"no version data for {', '.join(bare)}: each counts as a product of its own{more}"]
