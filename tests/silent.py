"""A target that answers every question with "not known": the base of the targets that tests make."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from hogwalk.errors import NoDebugger
from hogwalk.model import FrameLayout, Region, Triple, Version


class SilentTarget:
    """What the protocol asks beyond memory, modules and symbols, none of it known."""

    def command(self, text: str) -> str:
        raise NoDebugger(text)

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        return tuple(None for _ in addresses)

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        return tuple(None for _ in modules)

    def thread(self) -> Optional[int]:
        return None

    def field(self, type_name: str, field: str) -> Optional[int]:
        return None

    def debugger_block(self) -> Optional[bytes]:
        return None

    def context(self) -> Optional[Tuple[int, int, int]]:
        return None

    def commands(self) -> Sequence[str]:
        return ()

    def shown_starts(self) -> Sequence[Triple]:
        return ()

    @property
    def notes(self) -> Sequence[str]:
        return ()

    def stack_hint(self) -> Optional[Region]:
        return None
