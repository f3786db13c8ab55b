"""The triage on one screen: what died, who holds the stack, how sure that is, what to do next."""

from __future__ import annotations

from typing import Dict, Iterator, List, Sequence, Tuple

from hogwalk.answer.charge.books import Share, module_of
from hogwalk.answer.render.line import Link, frame_link, joined, mark, module_link
from hogwalk.answer.render.ruler import ruler
from hogwalk.answer.render.segments import segment_words
from hogwalk.answer.render.table import PLAIN, Look, Words, bar, counted, cut, hexa, paragraphs, percent, table
from hogwalk.answer.report.document import Report
from hogwalk.answer.report.fault import cycle_price, depletion, double_fault, stack_pointer, used
from hogwalk.answer.report.notes import withheld
from hogwalk.answer.report.process import NAME, VERSION, of_hog
from hogwalk.machine.words import shown
from hogwalk.model import About, Frame, Trust
from hogwalk.walk.facts.gaps import Gap
from hogwalk.walk.kf.frames import PROVEN

MOST_GAPS = 6  # shown one by one; more are summed up by their reason
OVERFLOW = {True: "yes", False: "no, not an overflow", None: "not known"}
MOST_ROWS = 12  # modules or products shown; the rest is one row
Row = Tuple[Share, List[str]]  # what the numbers are from, and the texts behind them


def render(report: Report, look: Look = PLAIN) -> Iterator[str]:
    """The triage's lines."""
    yield from paragraphs(_head(report), look)
    yield ""
    yield from paragraphs(_verdict(report), look)
    yield ""
    yield from module_table(report, look)
    yield ""
    if any(use.product.modules != (use.product.name,) for use in report.products):  # else it is the same again
        yield from product_table(report, look)
        yield ""
    yield from ruler(report, look)
    yield from paragraphs(_findings(report), look)


def target_line(about: About) -> str:
    """The target in one line's words."""
    source = f", {about.source}" if about.source else ""
    return f"{about.kind}, {about.machine}{source}"


def _head(report: Report) -> Words:
    region, bugcheck = report.region, report.about.bugcheck
    yield ("Target", target_line(report.about))
    if bugcheck is not None:
        arguments = ", ".join(f"{argument:x}" for argument in bugcheck.arguments)
        yield ("Bug check", f"{bugcheck.code:X} ({arguments}){double_fault(report)}")
    if report.registers is not None:
        registers = report.registers
        machine = report.about.words
        values = (registers.ip, registers.sp, registers.bp)
        words = " ".join(f"{name} {machine.shown(value)}" for name, value in zip(machine.registers, values))
        yield ("Fault", f"{words} ({registers.source}){stack_pointer(report)}")
    thread = f"{shown(region.thread)}  " if region.thread is not None else ""
    grows = f", {region.base - region.reserved} reserved" if region.reserved is not None else ""
    yield (
        "Thread",
        f"{thread}Limit {shown(region.limit)} Base {shown(region.base)}: {region.size} bytes{grows} ({region.source})",
    )
    yield from _process(report)
    end = depletion(report)
    yield ("Overflow", f"{OVERFLOW[end.overflow]}: {end.why}")
    yield from _used(report)
    yield from _start(report)


def _process(report: Report) -> Words:
    process = report.process
    if process is None:
        return
    by = {VERSION: ": its product is the hog's", NAME: ": by its name it is of the hog's product"}
    yield ("Process", f"{shown(process.address)}  {process.image or '(no name)'}{by.get(of_hog(report) or '', '')}")


def _used(report: Report) -> Words:
    found = used(report)
    if found is None:
        return
    low, by = found
    region = report.region
    if not report.base_known:
        yield ("Used", f"at least {region.base - low} bytes, from {by} to the end of the last row's page")
    elif low < region.limit:
        yield ("Used", f"all {region.size} bytes: {by} lies {region.limit - low} bytes below Limit")
    else:
        yield (
            "Used",
            f"{region.base - low} of {region.size} bytes, from {by} to Base; {low - region.limit} left above it",
        )


def _start(report: Report) -> Words:
    if report.start is None:
        return
    candidate = report.start.candidate
    yield ("Start", mark(report.start.command, link=Link(report.start.command)))
    words = [candidate.standing(report.candidates)] if candidate is not None else []
    if report.tried:
        tried, kept = len(report.tried), len(report.segments)
        words.append("1 walk of kf tried" if tried == 1 else f"{tried} walks of kf tried, {kept} kept")
        words.append(report.segments[0].stop)
    yield ("", "; ".join(words))
    for walk in report.segments[1:]:
        yield ("", f"then {walk.command}: {walk.stop}")


def _verdict(report: Report) -> Words:
    hog, why = report.hog, withheld(report)
    if why:
        yield ("Hog", f"not named: {why}")
        return
    if hog is None or not hog.share.bytes:
        yield ("Hog", "no frame could be charged to anyone")
        return
    size = report.region.size
    company = f" ({hog.product.company})" if hog.product.company and hog.product.company != hog.product.name else ""
    yield (
        "Hog",
        f"{hog.product.name}{company}: {hog.share.bytes} bytes, {percent(hog.share.bytes, size)} % of the stack, "
        f"in {counted(hog.share.frames, 'frame')} of {', '.join(hog.product.modules)}",
    )
    if hog.product.system:
        guess = "" if hog.product.known else " by its name: a guess"
        yield ("", f"it is Windows' own{guess}; no other maker's module holds any byte")
    elif not hog.product.known:
        others = [use for use in report.products if not use.product.system and use != hog][:3]
        more = ", ".join(f"{use.product.name} {use.share.bytes}" for use in others)
        yield ("", f"without version data its product is unknown; next {more or 'none'}")
    system = [use for use in report.system if use != hog]
    if system:
        held = sum(use.share.bytes for use in system)
        names = ", ".join(use.product.name for use in system[:4])
        guess = "" if all(use.product.known for use in system) else " (Windows' own by their names: a guess)"
        yield ("", f"{names}: {held} bytes, {percent(held, size)} %{guess}")
    stated = _stated(report)
    if stated:
        yield ("Sure?", stated)
    yield ("" if stated else "Sure?", _sureness(report))


def _stated(report: Report) -> str:
    # The probability comes from all walks the evidence allows, each by its weight; the lab says what it is worth.
    sure = report.confidence
    if sure is None:
        return ""
    chance = "over 99" if sure.probability > 0.99 else f"{100 * sure.probability:.0f}"
    unresolved = sum(gap.bytes for gap in report.gaps)
    held = f"{sure.low} to {sure.high}" if sure.low != sure.high else f"{sure.low}"
    return (
        f"{chance} % that it is the biggest hog; {held} bytes in 9 of 10 possible walks; "
        f"{unresolved} bytes of the stack are unresolved"
    )


def _sureness(report: Report) -> str:
    frames = report.frames
    if report.printed is not None and not any(frame.trust in (Trust.LINKED, Trust.CALL) for frame in frames):
        return f"the rows are the debugger's own; the text shows no code that would bear out any of the {len(frames)}"
    counts = {trust: sum(1 for frame in frames if frame.trust is trust) for trust in Trust}
    unproven = counts[Trust.PLAIN] + counts[Trust.NONE]
    proven = sum(frame.bytes or 0 for frame in frames if frame.trust in PROVEN)
    words = [
        f"{counts[Trust.LINKED]} return addresses follow a call of the very function that runs",
        f"{counts[Trust.CALL]} a call whose target only run time knows",
        f"{counts[Trust.TRAP]} {'is a trap frame' if counts[Trust.TRAP] == 1 else 'are trap frames'}",
        f"{unproven} {'is' if unproven == 1 else 'are'} unproven",
    ]
    if counts[Trust.UNREAD]:
        words.insert(3, f"{counts[Trust.UNREAD]} could not be checked")
    share = percent(proven, report.walked)
    return f"{share} % of the walked bytes are proven: of {len(frames)} frames {', '.join(words)}"


def module_table(report: Report, look: Look = PLAIN) -> Iterator[str]:
    """Usage per module."""
    rows = [(use.share, [module_link(use.share.name), use.product.name]) for use in report.modules]
    yield from _share_table(report, ("module", "product"), _few(rows), look)


def product_table(report: Report, look: Look = PLAIN) -> Iterator[str]:
    """Usage per product."""
    rows = [(use.share, [use.product.name, ", ".join(use.product.modules)]) for use in report.products]
    yield from _share_table(report, ("product", "modules"), _few(rows), look)


def function_table(report: Report, look: Look = PLAIN) -> Iterator[str]:
    """Usage per function."""
    yield from _share_table(report, ("function",), [(share, [share.name]) for share in report.functions], look)


def _share_table(report: Report, names: Sequence[str], rows: Sequence[Row], look: Look) -> Iterator[str]:
    size = report.region.size
    heads = ["bytes", "KB", "%", "frames", "largest"]
    cells = [[*_cells(share, size), *texts] for share, texts in rows]
    if look.bars:
        heads.insert(3, "of largest")
        most = max((share.bytes for share, _ in rows), default=0)
        for line, (share, _) in zip(cells, rows):
            line.insert(3, bar(share.bytes, size, most))
    yield from table([*heads, *names], cells, names, look.width)


def _cells(share: Share, size: int) -> List[str]:
    largest = f"{share.largest.bytes:x}h" if share.largest is not None and share.largest.bytes else ""
    return [str(share.bytes), f"{share.bytes / 1024:.2f}", percent(share.bytes, size), str(share.frames), largest]


def _few(rows: List[Row]) -> List[Row]:
    if len(rows) <= MOST_ROWS:
        return rows
    rest = rows[MOST_ROWS - 1 :]
    joined = Share("", sum(share.bytes for share, _ in rest), sum(share.frames for share, _ in rest), None)
    return [*rows[: MOST_ROWS - 1], (joined, [f"({len(rest)} more)", ""])]


def _findings(report: Report) -> Words:
    yield from _cycle(report)
    yield from _biggest(report)
    yield from _sums(report)
    yield from (("Note", note) for note in report.notes)
    yield from _next(report)


def _cycle(report: Report) -> Words:
    cycle, found = report.cycle, cycle_price(report)
    if cycle is None or found is None:
        return
    starts = ", ".join(f"#{start:02x}" for start in cycle.starts[:6]) + (", .." if len(cycle.starts) > 6 else "")
    room = f"; {counted(found.fit, 'turn')} would fit" if found.fit is not None else ""
    first, last = cycle.functions[0], cycle.functions[-1]
    path = f"a run of {counted(cycle.length, 'frame')}, from {first} to {last}" if cycle.length > 1 else first
    yield (
        "Cycle",
        f"{path}, {len(cycle.starts)} times, at {starts}: {cycle.bytes} bytes in all, "
        f"{found.turn} ({found.turn:x}h) a turn{room}",
    )


def _biggest(report: Report) -> Words:
    number = {id(frame): at for at, frame in enumerate(report.frames)}
    for at, frame in enumerate(report.biggest(3)):
        label = "Biggest" if at == 0 else ""
        name = frame.symbol.text() if frame.symbol is not None else module_of(frame)
        yield (
            label,
            joined(
                [
                    f"{frame.bytes:>5} ({frame.bytes:x}h) #{number[id(frame)]:02x} ",
                    frame_link(frame.frame_ptr),
                    f" {cut(name, 60)}",
                ]
            ),
        )


def totals(report: Report, look: Look = PLAIN) -> Iterator[str]:
    """The gaps and the sum that must come out."""
    yield from paragraphs(_sums(report), look)


def _sums(report: Report) -> Words:
    gaps = [f"{shown(gap.start)}..{shown(gap.end)} {gap.bytes} bytes {gap.why}" for gap in report.gaps]
    if len(gaps) > MOST_GAPS:
        gaps = _gap_sums(report.gaps)
    for at, words in enumerate(gaps):
        yield ("Gaps" if at == 0 else "", words)
    unknown = sum(gap.bytes for gap in report.gaps)
    below = f" - {report.below_limit} below Limit" if report.below_limit else ""
    total = report.walked + unknown - report.below_limit
    yield ("Sum", f"{report.walked} walked + {unknown} in gaps{below} = {total} = Base - Limit")
    yield from segment_words(report)


def _gap_sums(gaps: Sequence[Gap]) -> List[str]:
    sums: Dict[str, List[Gap]] = {}
    for gap in gaps:
        sums.setdefault(gap.why, []).append(gap)
    return [f"{sum(gap.bytes for gap in some)} bytes in {len(some)} places {why}" for why, some in sums.items()]


def _next(report: Report) -> Words:
    if report.printed is not None:
        yield ("Next", "walk (all rows), usage --by function, compare (what the text's own words and code show)")
        return
    biggest: Sequence[Frame] = report.biggest(1)
    steps = [(f"frame {hexa(frame.frame_ptr)}", "why it is so big") for frame in biggest]
    steps += [
        ("verdict", "in words, for a mail"),
        ("walk", "all frames"),
        ("candidates", "other starts"),
        ("stack", "the annotated dps"),
    ]
    parts = [part for step, why in steps for part in (mark(step, link=Link(step, own=True)), f" ({why})", ", ")]
    yield ("Next", joined(parts[:-1]))
