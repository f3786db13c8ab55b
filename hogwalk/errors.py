"""The failures a user can meet: each says in one line what is wrong and what to try."""

from __future__ import annotations

from hogwalk.machine.words import shown
from hogwalk.printable import printable


class HogwalkError(Exception):
    """A failure with a one-line explanation and a one-line remedy.

    `wrong` says what is wrong, `remedy` what to try instead; both are printable, whatever a name in them holds.
    """

    exit_code = 3

    def __init__(self, wrong: str, remedy: str = "") -> None:
        super().__init__(wrong)
        self.wrong = printable(wrong)
        self.remedy = printable(remedy)

    def line(self) -> str:
        """The whole message on one line."""
        return f"{self.wrong}; {self.remedy}" if self.remedy else self.wrong


class UsageError(HogwalkError):
    """The command line is off."""

    exit_code = 2


class BadInput(HogwalkError):
    """A file, a range, an address or a text that cannot be used."""


class OutputLost(HogwalkError):
    """What was found cannot be written to stdout: the disk is full, or stdout is closed."""


class NothingFound(HogwalkError):
    """The input is sound but holds nothing to report."""

    exit_code = 1


class CommandFailed(HogwalkError):
    """The debugger refused a command."""


class NoDebugger(HogwalkError):
    """The target has no debugger that could run a command."""


class NotRecorded(HogwalkError):
    """A recording was asked something that its run never asked."""


class Unreadable(Exception):
    """Target memory that cannot be read; `address` is the first byte asked for.

    Not a HogwalkError: every caller must decide what an unreadable page means to it.
    """

    def __init__(self, address: int, count: int) -> None:
        super().__init__(f"{count} bytes at {shown(address)} cannot be read")
        self.address = address
        self.count = count
