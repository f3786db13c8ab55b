"""Debugger logs and pasted text, opened as a target."""

from __future__ import annotations

import os
from typing import BinaryIO, Callable, Union

from hogwalk.errors import BadInput, NothingFound
from hogwalk.targets.text.decode import read_lines
from hogwalk.targets.text.reader import read_facts
from hogwalk.targets.text.target import TextTarget

__all__ = ["TextTarget", "open_text"]

REMEDY = "in WinDbg run `!thread` and `dps LIMIT BASE` with its Limit and Base, and pass that text"


def open_text(
    source: Union[str, os.PathLike[str], BinaryIO], progress: Callable[[int], None] = lambda _: None
) -> TextTarget:
    """The target that a log file (a path) or a binary stream (a pipe) describes; `progress` hears of bytes read.

    Of a log of several dumps the last one with stack words in it counts.  Raises BadInput when the file cannot be
    read, NothingFound when the text shows neither stack memory nor a stack table.
    """
    if isinstance(source, (str, os.PathLike)):
        try:
            with open(source, "rb") as stream:
                return _opened(stream, os.fspath(source), progress)
        except OSError as error:
            raise BadInput(f"cannot read {os.fspath(source)} ({error.strerror})", "check the path") from error
    return _opened(source, "", progress)


def _opened(stream: BinaryIO, name: str, progress: Callable[[int], None]) -> TextTarget:
    sessions = read_facts(read_lines(stream, progress))
    useful = [facts for facts in sessions if facts.words] or [facts for facts in sessions if facts.answers.walks()]
    if not useful:
        raise NothingFound("the text holds no dps, dds, dd or dc of a stack and no stack table", REMEDY)
    return TextTarget(useful[-1], name)
