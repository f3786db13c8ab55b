"""The report of a stack table that a text shows: its rows are the walk."""

from __future__ import annotations

from typing import List, Optional, Sequence

from hogwalk.answer.charge.books import NO_MODULE, function_of, module_of, shares
from hogwalk.answer.charge.cycles import find_cycle
from hogwalk.answer.charge.products import product_shares
from hogwalk.answer.report.build import module_uses, owners_of
from hogwalk.answer.report.document import OtherStack, ProductUse, Report, Start
from hogwalk.answer.report.fault import is_double_fault
from hogwalk.answer.report.notes import module_notes
from hogwalk.machine import windows
from hogwalk.machine.words import shown
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import About, Frame, PrintedRow, PrintedWalk, Region, Registers, Trust
from hogwalk.targets.parsers.kf import format_kf
from hogwalk.targets.parsers.remarks import DUMPSTACK, meaning
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts.faults import SLACK, raised_on
from hogwalk.walk.facts.gaps import gaps
from hogwalk.walk.facts.links import Link, LinkJudge
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.facts.process import owning_process
from hogwalk.walk.facts.sites import CallSites, SiteKind
from hogwalk.walk.kf.choose import frame_count
from hogwalk.walk.printed import Judge, printed_frames

MOST_MODULES = 6  # of another stack, named in a note


def build_printed(target: Target, walk: PrintedWalk) -> Report:
    """The report of the printed walk."""
    about = target.about()
    trust = _trust(target, about, walk)
    stacks = [printed_frames(rows, about.words, trust) for rows in walk.stacks]
    frames, others = stacks[0], [OtherStack(rows, shares(rows, module_of)) for rows in stacks[1:]]
    module_shares = shares(frames, module_of)
    modules = module_uses(target, target.modules(), module_shares)
    held = product_shares(module_shares, owners_of(modules))
    start = None
    if walk.triple is not None:
        start = Start(walk.triple, format_kf(walk.triple, frame_count(walk.region.size)), None)
    return Report(
        about=about,
        region=walk.region,
        registers=_registers(target, about, walk, frames),
        candidates=(),
        tried=(),
        segments=(),
        comparison=(),
        confidence=None,
        dropped=(),
        start=start,
        frames=frames,
        weights=(None,) * len(frames),
        modules=modules,
        products=tuple(ProductUse(product, share) for product, share in held),
        functions=shares(frames, function_of),
        gaps=gaps(walk.region, frames, (), about.words.word),
        cycle=find_cycle(frames),
        notes=(*_notes(walk, frames, others), *module_notes(modules), *target.notes),
        commands=(),
        printed=walk,
        other_stacks=tuple(others),
        process=owning_process(target, walk.region),
        raised=raised_on(target, walk.region),
    )


def _registers(target: Target, about: About, walk: PrintedWalk, frames: Sequence[Frame]) -> Optional[Registers]:
    # Those of a double fault wherever they point; others only where they belong above the first row.
    first = frames[0].frame_ptr or 0
    for registers in target.registers():
        near = walk.region.limit - SLACK <= registers.sp <= first + windows.GUARD
        if near or (is_double_fault(about) and registers.source.startswith(".tss")):
            return registers
    return None


def _trust(target: Target, about: About, walk: PrintedWalk) -> Judge:
    # What the text's own code lines say of the return addresses; nothing where it shows no code.
    if about.machine != "x86":
        return lambda row, slot: _unchecked(row)
    reader = CodeReader(target.read, about.page_bytes)
    sites = CallSites(ModuleMap(target.modules(), reader), reader)
    words = sorted({row.return_address for rows in walk.stacks for row in rows if row.return_address})
    judge = LinkJudge(sites, dict(zip(words, target.symbols(words))), words)

    seen = set()

    def trust(row: PrintedRow, slot: int) -> Trust:
        back = row.return_address
        if slot in seen:  # a row of 0 bytes: a trap frame, or the entry from user mode
            return Trust.TRAP
        seen.add(slot)
        if row.trap or not back:
            return _unchecked(row)
        kind = sites.at(back).kind
        if kind in (SiteKind.OUTSIDE, SiteKind.UNREAD):
            return _unchecked(row)
        if kind is SiteKind.PLAIN:
            return Trust.PLAIN
        linked = row.running is not None and judge.judge(back, row.running) is Link.MATCH
        return Trust.LINKED if linked else Trust.CALL

    return trust


def _unchecked(row: PrintedRow) -> Trust:
    if row.trap:
        return Trust.TRAP
    return Trust.UNREAD if row.return_address is not None else Trust.NONE


def _notes(walk: PrintedWalk, frames: Sequence[Frame], others: Sequence[OtherStack]) -> List[str]:
    name = f"`{walk.command}`" if walk.command else "the text's table"
    checked = any(frame.trust in (Trust.LINKED, Trust.CALL, Trust.PLAIN) for frame in frames)
    by_code = ", checked by the code that the text shows" if checked else ""
    found = [f"the rows are the debugger's own, as {name} printed them{by_code}"]
    if DUMPSTACK in walk.remarks:
        found.append("the rows are of SOS's !dumpstack, no walk: some are left over from calls that have returned")
    damaged = sum(1 for row in walk.stacks[0] if row.return_address is None)
    if damaged:
        found.append(f"{damaged} of {len(frames)} rows cannot be read: their bytes are charged to nobody")
    if any(row.lost for row in walk.stacks[0]):
        found.append("rows are missing in the table: the bytes there are a gap, charged to nobody")
    found.extend(_other(stack, walk.region) for stack in others)
    if walk.unplaced:
        found.append(f"{len(walk.unplaced)} rows print no frame pointer and hold no bytes")
    found.extend(meaning(walk.remarks))
    if walk.others:
        found.append(f"the text holds other stack tables: {'; '.join(walk.others)}")
    return found


def _other(stack: OtherStack, region: Region) -> str:
    first, last = stack.frames[0].frame_ptr, stack.frames[-1].frame_ptr
    held = [share for share in stack.shares if share.name != NO_MODULE or share.bytes][:MOST_MODULES]
    parts = ", ".join(f"{share.name} {share.bytes} in {share.frames}" for share in held)
    size = sum(share.bytes for share in stack.shares)
    rows = "1 row" if len(stack.frames) == 1 else f"{len(stack.frames)} rows"
    where = shown(first or 0) if first == last else f"{shown(first or 0)}..{shown(last or 0)}"
    amount = f": {size} bytes: {parts}" if size else ""
    here = (first or 0) in region and (last or 0) in region
    place = "out of order on this stack" if here else "on another stack"
    return f"{rows} of the table {place}, {where}, not summed{amount}"
