"""The files hogwalk writes: never the input, never over a file that is not its own, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import Iterable, Pattern, Sequence

from hogwalk.errors import BadInput, UsageError
from hogwalk.printable import printable

# How a recording, every JSON document and the exports of hogwalk's begin (folded stacks have no place for a mark).
OWN = re.compile(
    rb'\{\s*"(?:schema|format)":\s*"hogwalk-[a-z]+/[0-9]+"|(?:<!DOCTYPE html>)?<!-- hogwalk-[a-z]+/[0-9]+ -->'
    rb'|\{\s*"exporter": "hogwalk"|number,frame_ptr,return_slot,'
)
REPORT = re.compile(rb'\{\s*"schema":\s*"hogwalk-[a-z]+/[0-9]+"')
HEAD = 80  # bytes that tell a file of its own
REMEDY = "name a new file, or one that hogwalk itself has written"


def is_own(path: str, kind: Pattern[bytes] = OWN) -> bool:
    """Whether a file is a recording or a document of hogwalk's; False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return kind.match(file.read(HEAD)) is not None
    except OSError:
        return False


def check_place(path: str, inputs: Sequence[str] = ()) -> None:
    """Raises UsageError where a file must not be written: it is an input, or another's file stands there.

    Devices and pipes may be named: nothing in them is replaced.
    """
    try:
        found = os.stat(path)
    except OSError:
        return  # not there yet; whether it can be made is seen when it is
    for one in inputs:
        with contextlib.suppress(OSError):
            if os.path.samestat(found, os.stat(one)):
                raise UsageError(f"{path} is the file to read; it will not be overwritten", REMEDY)
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{path} is a folder", "name a file")
    if stat.S_ISREG(found.st_mode) and found.st_size and not is_own(path):
        raise UsageError(f"{path} exists and is no file of hogwalk's own; it will not be overwritten", REMEDY)


def save(path: str, lines: Iterable[str]) -> None:
    """Writes the lines to a file beside the place and moves it there, so that what was there is kept until all is well.

    Raises BadInput when it cannot be written, UsageError where it must not be.
    """
    check_place(path)
    place = os.path.realpath(path)
    beside = f"{place}.{os.getpid()}.part"
    whole = os.path.isfile(place) or not os.path.exists(place)
    try:
        with open(beside if whole else place, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{printable(line)}\n" for line in lines)
        if whole:
            os.replace(beside, place)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise BadInput(f"{path} cannot be written ({error.strerror})", "name a file in a writable folder") from error
