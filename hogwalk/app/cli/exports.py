"""The exports: one option a format, each to a named file or, but for the HTML page, to stdout."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Iterable, List, Optional, Tuple

from hogwalk.analysis import Run
from hogwalk.answer.render.table import PLAIN, Look
from hogwalk.errors import HogwalkError, UsageError

if TYPE_CHECKING:
    from hogwalk.answer.explain.records import Explanation

FORMATS = {
    "html": "one HTML file that opens offline: the stack to scale, frames, evidence, commands",
    "markdown": "a bug report: the verdict, who holds the stack, the largest frames",
    "csv": "the frames as a table for a spreadsheet",
    "folded": "folded stacks, as flame graphs and speedscope take them",
    "speedscope": "a profile for speedscope.app, in bytes",
    "svg": "the stack drawn to scale",
}
OPTIONS = tuple(f"--{name}" for name in FORMATS)
MOST_EXPLAINED = 8  # frames whose bytes the page explains


def add_exports(parser: argparse.ArgumentParser) -> None:
    """Declares an option for each format."""
    group = parser.add_argument_group("exports")
    for name, what in FORMATS.items():
        optional = {} if name == "html" else {"nargs": "?", "const": "-"}
        group.add_argument(f"--{name}", metavar="FILE", help=what, **optional)  # type: ignore[arg-type]


def chosen(options: argparse.Namespace) -> Optional[Tuple[str, str]]:
    """The format asked for and where it goes ("-": stdout), None without one.

    Raises UsageError where more than one document is asked for.
    """
    asked = [(name, getattr(options, name, None)) for name in FORMATS]
    found = [(name, where) for name, where in asked if where is not None]
    named = [f"--{name}" for name, _ in found] + ["--json"] * (getattr(options, "json", None) is not None)
    if found and len(named) > 1:
        raise UsageError(f"{' and '.join(named)} at once", "ask for one document at a time")
    return found[0] if found else None


def export_lines(run: Run, form: str) -> Iterable[str]:
    """The lines of an export, none with a line's end in it."""
    return "\n".join(_export(run, form)).split("\n")


def _export(run: Run, form: str) -> Iterable[str]:
    if form == "html":
        from hogwalk.answer.render.html import page

        return page(run.report(), _anatomy(run), verdict_lines(run))
    if form == "markdown":
        from hogwalk.answer.render.export import markdown

        return markdown(run.report(), verdict_lines(run))
    from hogwalk.answer.render.export import FORMATS as RENDERERS

    return RENDERERS[form](run.report())


def verdict_lines(run: Run, look: Look = PLAIN) -> Tuple[str, ...]:
    """The verdict in words."""
    from hogwalk.answer.render.verdict import verdict

    return verdict(run.report(), hog_explained(run), look.prose)


def hog_explained(run: Run) -> Optional[Explanation]:
    """The explanation of the hog's largest frame; None where it has none that can be explained."""
    from hogwalk.answer.render.verdict import largest_of

    largest = largest_of(run.report(), run.report().hog)
    try:
        return run.explain(largest) if largest is not None else None
    except HogwalkError:
        return None


def _anatomy(run: Run) -> List[Tuple[int, Explanation]]:
    report = run.report()
    numbers = {id(frame): number for number, frame in enumerate(report.frames)}
    found: List[Tuple[int, Explanation]] = []
    for frame in report.biggest(MOST_EXPLAINED):
        try:
            found.append((numbers[id(frame)], run.explain(frame)))
        except HogwalkError:  # a frame that nothing explains does not spoil the page
            continue
    return found
