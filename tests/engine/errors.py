"""What can go wrong with the engine."""

from __future__ import annotations


class EngineUnavailableError(RuntimeError):
    """The engine cannot be installed on this machine; the message is one line that names the missing piece."""


class EngineRunError(RuntimeError):
    """A program in the engine did not come to its end; the message holds what it had printed."""
