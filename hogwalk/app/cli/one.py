"""One target, one command: opens it, runs the command, prints or saves what came out."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, List, Optional

from hogwalk.analysis import Run, seldom_collected
from hogwalk.answer.render.table import PLAIN, Look, wrapped
from hogwalk.app.cli.commands import lines
from hogwalk.app.cli.exports import chosen
from hogwalk.app.cli.files import check_place, save
from hogwalk.app.cli.host import door_of, inside_debugger
from hogwalk.app.cli.live import (
    beforehand,
    changed,
    cost,
    first_lines,
    going_on,
    kf_policy,
    line_of,
    partial,
    said,
    unlisted,
)
from hogwalk.app.cli.open import open_target
from hogwalk.app.cli.output import look_here, show, write_lines
from hogwalk.app.cli.progress import Progress
from hogwalk.app.cli.typed import resolve, span, triple
from hogwalk.app.cli.watch import Watch
from hogwalk.earlier import Earlier
from hogwalk.errors import UsageError
from hogwalk.model import Triple
from hogwalk.targets.line import INTERRUPTED
from hogwalk.targets.protocol import Target
from hogwalk.walk.evidence import Request

if TYPE_CHECKING:
    from hogwalk.answer.render.dml import Door

EARLIER = Earlier()  # of `!py -g`, whose modules live as long as the session
DEMO_LINE = 'this is the built-in demo, the dump of "Got Stack?"; `hogwalk FILE` looks at yours'


def run_one(options: argparse.Namespace) -> None:
    """Runs the command line's command; raises HogwalkError when it cannot be done."""
    with seldom_collected():  # up to the last line: what is left behind is not what a user waits for
        _run_one(options)


def _run_one(options: argparse.Namespace) -> None:
    _check_places(options)
    where = _where(options)
    look = PLAIN if where is not None else look_here()
    with Progress(quiet=where == "-") as progress, Watch() as watch:
        target = open_target(options, progress, watch)
        line = line_of(target)
        if line is not None:
            watch.over(line)
        with said(line), going_on(target, line, options):
            if options.table is not None and target.about().kind != "text":
                raise UsageError("--table chooses among the stack tables of a text; this is none", "leave it out")
            resolve(options, target)
            if options.command == "threads":
                output = _threads(target, options, look, progress)
            else:
                output = _output(target, options, look, progress)
    if line is not None and where is None:
        output = [*partial(line, look), *output]
    if options.demo and where is None and target.about().kind != "text":
        output = [*wrapped("Demo", DEMO_LINE, look.prose), *output]
    deliver(output, where, door_of(options))
    if options.record and options.command != "threads":
        write_lines([f"recording written to {options.record}"])


def _where(options: argparse.Namespace) -> Optional[str]:
    """The file that takes a document or an export, "-" for stdout, None for a command's own text."""
    export = chosen(options)
    json_file: Optional[str] = options.json
    return export[1] if export is not None else json_file


def _check_places(options: argparse.Namespace) -> None:
    # Before anything else: a walk that cannot be saved need not be made, and no input may be lost.
    where = _where(options)
    places = [place for place in (options.record, where) if place not in (None, "-")]
    inputs = [path for path in (options.file, options.z) if path not in (None, "-")]
    for place in places:
        check_place(place, inputs)
    if options.first and where is not None:
        raise UsageError("--first is text, no document", "leave one of the two out")
    if len(places) > 1 and os.path.realpath(places[0]) == os.path.realpath(places[1]):
        raise UsageError("--record and the report name one file", "give each a file of its own")


def _output(target: Target, options: argparse.Namespace, look: Look, progress: Progress) -> List[str]:
    if not options.record:
        unasked = kf_policy(target, options)
        # What heal goes by is looked at as it was before any walk.
        earlier = EARLIER if inside_debugger() and options.command != "heal" else None
        asked = _wanted(options, target), _triple(options, target)
        return _lines(Run(target, *asked, progress, unasked, earlier), options, look)
    from hogwalk.targets.recorder import Recorder

    recorder = Recorder(target)
    run = Run(recorder, _wanted(options, recorder), _triple(options, target), progress)
    try:
        output = _lines(run, options, look)
        run.ask_everything()
    finally:  # a run that failed is the one whose recording is wanted most
        save(options.record, recorder.lines())
    return output


def _lines(run: Run, options: argparse.Namespace, look: Look) -> List[str]:
    line = line_of(run.target)
    if options.first:
        return first_lines(run, look)
    try:
        if line is not None and _where(options) is None:
            beforehand(run, line, options, look)
        found = list(lines(run, options, look))
    except KeyboardInterrupt:  # where the host delivers it: what is known by now makes a partial answer
        if line is None:
            raise
        line.stop(INTERRUPTED)
        found = list(lines(run, options, look))
    if line is None or _where(options) is not None:
        return found
    above = [*unlisted(run.unlisted(), look), *changed(run.target, run.stack(), look)]
    return [*above, *found, *(cost(line, look) if options.cost else ())]


def deliver(output: List[str], where: Optional[str], door: Optional[Door] = None) -> None:
    """Prints a command's lines (`where` None), or a document to stdout ("-") or to a file."""
    if where is None:
        show(output, door)
    elif where == "-":
        write_lines(output)
    else:
        save(where, output)
        write_lines([f"report written to {where}"])


def _threads(target: Target, options: argparse.Namespace, look: Look, progress: Progress) -> List[str]:
    from hogwalk.app.cli.threads import thread_lines

    return list(thread_lines(target, options, look, progress))


def _wanted(options: argparse.Namespace, target: Target) -> Request:
    if options.command == "stack" and options.range:
        return Request(*span(options.range, options.thread, target), options.thread, options.context)
    return Request(options.limit, options.base, options.thread, options.context)


def _triple(options: argparse.Namespace, target: Target) -> Optional[Triple]:
    return triple(options.triple, target) if options.command == "walk" else None
