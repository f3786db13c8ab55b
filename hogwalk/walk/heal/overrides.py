"""The debugger's FPO overrides as a thing that can be set, set anew and put back."""

from __future__ import annotations

from typing import List, Mapping, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, CommandFailed
from hogwalk.targets.protocol import Target
from hogwalk.walk.heal.commands import TOGGLE, enabled, entries, remove_commands, set_commands, show_commands


class Overrides:
    """Overrides in the modules that begin at `modules`; raises BadInput where some are set already."""

    def __init__(self, target: Target, modules: Sequence[int]) -> None:
        self._target = target
        self._modules = modules
        self._before: Optional[bool] = None  # whether the walk followed frame data, None while not known
        self._now: Optional[bool] = None
        if self._count():
            raise BadInput(
                "the debugger holds FPO overrides in modules of this stack already (.fpo -o ADDRESS shows them)",
                f"remove them first: {'; '.join(remove_commands(modules))}",
            )

    def use(self, overrides: Mapping[int, int]) -> None:
        """Replaces the overrides by these (return address: dwords); raises CommandFailed unless all are accepted."""
        self._remove()
        made = sum(entries(self._target.command(command)) for command in set_commands(overrides))
        if made != len(overrides):
            raise CommandFailed(f"the debugger took {made} of {len(overrides)} FPO overrides")

    def follow_frame_data(self, on: bool) -> bool:
        """Makes the walk follow symbols' frame data or FPO data alone; False where the debugger has no such choice."""
        if self._now is None:
            try:
                self._toggle()
            except CommandFailed:
                return False
            if self._now is None:
                return False
            self._before = not self._now
        if self._now is not on:
            self._toggle()
        return self._now is on

    def put_back(self) -> None:
        """Removes every override and follows frame data as before; raises CommandFailed when that fails."""
        failures: List[str] = []
        try:
            self._remove()
        except CommandFailed as failed:
            failures.append(failed.wrong)
        try:
            if self._now is not self._before:
                self._toggle()
            left = self._count()
        except CommandFailed as failed:
            failures.append(failed.wrong)
        else:
            failures += [f"{left} FPO overrides are still set"] * bool(left)
        if failures:
            raise CommandFailed("; ".join(failures), f"put things back by hand: {'; '.join(self.undo())}")

    def undo(self) -> Tuple[str, ...]:
        """The commands that put everything back as it was."""
        return (*remove_commands(self._modules), *((TOGGLE,) if self._now is not self._before else ()))

    def _toggle(self) -> None:
        self._now = enabled(self._target.command(TOGGLE))

    def _remove(self) -> None:
        failed: Optional[CommandFailed] = None
        for command in remove_commands(self._modules):
            try:
                self._target.command(command)
            except CommandFailed as refusal:  # the other modules' overrides must go all the same
                failed = refusal
        if failed is not None:
            raise failed

    def _count(self) -> int:
        return sum(entries(self._target.command(command)) for command in show_commands(self._modules))
