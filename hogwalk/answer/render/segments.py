"""The segments of a thread's stack (x64) that are older than the one shown: each one's use, and all together."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.report.document import ModuleUse, Report
from hogwalk.machine.words import shown
from hogwalk.model import Frame

MOST_NAMED = 6  # modules of a segment


def segment_words(report: Report) -> Iterator[Tuple[str, str]]:
    """A paragraph for each older segment, and one for the sums over all; none where there are none."""
    if not report.older:
        return
    for number, one in enumerate(report.older, 2):
        size = one.region.size
        yield (
            "Segments" if number == 2 else "",
            f"{number}. {shown(one.region.limit)}..{shown(one.region.base)}: {one.walked} of {size} bytes in "
            f"{len(one.frames)} frames, where the thread ran before the stack was expanded: {_named(one.frames)}",
        )
    everywhere = [report, *report.older]
    frames = [frame for one in everywhere for frame in one.frames]
    whole = sum(one.region.size for one in everywhere)
    yield ("", f"in all {sum(one.walked for one in everywhere)} of {whole} bytes: {_named(frames)}")


def _named(frames: Sequence[Frame]) -> str:
    found = sorted(module_bytes(frames).items(), key=lambda item: (-item[1], item[0]))
    words = [f"{name} {held}" for name, held in found[:MOST_NAMED]]
    return ", ".join([*words, *([f"{len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else [])])


def module_bytes(frames: Sequence[Frame]) -> Dict[str, int]:
    """The bytes of each module's frames."""
    sums: Dict[str, int] = {}
    for frame in frames:
        if frame.bytes:
            sums[module_of(frame)] = sums.get(module_of(frame), 0) + frame.bytes
    return sums


def segments_document(
    report: Report, address: Callable[[int], Any], frame: Callable[..., Any], module: Callable[[ModuleUse], Any]
) -> Dict[str, List[Any]]:
    """The older segments as JSON, `segments`, and the bytes of modules in all of them; nothing where there are none."""
    if not report.older:
        return {}
    frames = [one for some in (report, *report.older) for one in some.frames]
    return {
        "segments": [
            {
                "limit": address(one.region.limit),
                "base": address(one.region.base),
                "bytes": one.region.size,
                "frames": [frame(row, weight) for row, weight in zip(one.frames, one.weights)],
                "modules": [module(use) for use in one.modules],
                "gaps": [{"from": address(gap.start), "to": address(gap.end), "bytes": gap.bytes} for gap in one.gaps],
            }
            for one in report.older
        ],
        "modules_in_all_segments": [
            {"name": name, "bytes": held} for name, held in sorted(module_bytes(frames).items(), key=lambda it: -it[1])
        ],
    }
