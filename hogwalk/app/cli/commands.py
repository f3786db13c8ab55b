"""The commands about one stack: each takes the run and yields the lines to print.

Each brings in its own renderer, so that a triage does not wait for what only `frame` needs.
"""

from __future__ import annotations

import argparse
from typing import Dict, Iterable, Iterator, Protocol

from hogwalk.analysis import Run
from hogwalk.answer.render.table import PLAIN, Look
from hogwalk.answer.render.triage import function_table, module_table, product_table, render, totals
from hogwalk.app.cli.exports import chosen, export_lines, hog_explained, verdict_lines
from hogwalk.app.cli.typed import chosen_frame
from hogwalk.errors import UsageError
from hogwalk.machine.words import X86


class Command(Protocol):
    """A command."""

    def __call__(self, run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
        """The lines that it prints."""


def triage(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """The triage."""
    return render(run.report(), look)


def stack(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """The annotated dps."""
    from hogwalk.answer.render.stack import render_stack

    return render_stack(run.evidence(), run.call_targets(), options.all, look)


def candidates(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """The ranked triples."""
    from hogwalk.answer.render.walk import render_candidates

    if options.n < 1:
        raise UsageError("-n wants a number above 0")
    run.leave_table()
    evidence = run.evidence()
    return render_candidates(evidence.candidates, evidence.region.size, options.n, look)


def walk(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """The frames from the best triple or the one given."""
    from hogwalk.answer.render.walk import render_walk

    return render_walk(run.report(), look, options.why)


def compare(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """The two walks side by side."""
    from hogwalk.answer.render.compare import render_compare

    run.leave_table()
    return render_compare(run.report(), options.all, look)


def usage(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterator[str]:
    """Bytes per module, product or function."""
    report = run.report()
    tables = {"module": module_table, "product": product_table, "function": function_table}
    yield from tables[options.by](report, look)
    yield ""
    yield from totals(report, look)


def frame(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """Why one frame is so big."""
    from hogwalk.answer.render.frame import explanation_lines, owner_of

    report = run.report()
    chosen_one = report.frames[chosen_frame(report, options.which, run.target)]
    explanation, owner = run.explain(chosen_one), owner_of(report, chosen_one)
    if options.json is not None:
        from hogwalk.answer.render.json_frame import explanation_document
        from hogwalk.answer.render.json_report import written

        return written(explanation_document(explanation, owner)).split("\n")
    return explanation_lines(explanation, owner, report.about.words, look.prose)


def charge(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """Own and inclusive bytes, prices and what-ifs."""
    from hogwalk.answer.render.charge import render_charge

    return render_charge(run.report(), options.without, hog_explained(run), look)


def verdict(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """The triage in words."""
    return verdict_lines(run, look)


def heal(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """The debugger's kf led past the code it cannot walk: by overrides, on x64 in pieces."""
    from hogwalk.answer.render.heal import render_heal
    from hogwalk.walk.heal import heal as healed

    if run.evidence().image.machine is not X86:
        from hogwalk.answer.render.pieces import render_pieces
        from hogwalk.walk.heal.pieces import pieces

        return render_pieces(pieces(run.target, run.evidence(), run.walks()), look)
    return render_heal(healed(run.target, run.evidence(), run.walks(), options.keep), look)


COMMANDS: Dict[str, Command] = {
    "triage": triage,
    "stack": stack,
    "candidates": candidates,
    "walk": walk,
    "compare": compare,
    "usage": usage,
    "frame": frame,
    "charge": charge,
    "verdict": verdict,
    "heal": heal,
}


def lines(run: Run, options: argparse.Namespace, look: Look = PLAIN) -> Iterable[str]:
    """What the command prints: its text, or the report's JSON document."""
    export = chosen(options)
    if export is not None:
        return export_lines(run, export[0])
    if options.json is not None and options.command != "frame":
        from hogwalk.answer.render.json_report import to_json

        return to_json(run.report()).split("\n")
    return COMMANDS[options.command](run, options, look)
