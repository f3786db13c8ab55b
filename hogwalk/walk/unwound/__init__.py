"""The reconstruction on machines with unwind data (x64): the best path over all candidate return slots."""

from hogwalk.walk.unwound.walk import rebuild

__all__ = ["rebuild"]
