"""The debugger's FPO overrides as a thing that can be set, set anew and put back."""

from __future__ import annotations

from typing import Callable, List, Mapping, Sequence, Tuple

from hogwalk.errors import BadInput, CommandFailed
from hogwalk.heal.commands import TOGGLE, enabled, entries, remove_commands, set_commands, show_commands
from hogwalk.target.protocol import Target


class Overrides:
    """Overrides in the given modules, which begin at `modules`; raises BadInput where some are set already."""

    def __init__(self, target: Target, modules: Sequence[int]) -> None:
        self._target = target
        self._modules = modules
        self._toggled = False
        if self._count():
            raise BadInput(
                "the debugger holds FPO overrides in modules of this stack already (.fpo -o ADDRESS shows them)",
                f"remove them first: {'; '.join(remove_commands(modules))}",
            )

    def use(self, overrides: Mapping[int, int]) -> None:
        """Replaces the overrides by these (return address, dwords); raises CommandFailed unless all are accepted."""
        self._remove()
        made = sum(entries(self._target.command(command)) for command in set_commands(overrides))
        if made != len(overrides):
            raise CommandFailed(f"the debugger took {made} of {len(overrides)} FPO overrides")

    def frame_data_off(self) -> None:
        """Makes the walk follow FPO data where symbols hold frame data too, if the debugger knows how."""
        try:
            on = enabled(self._target.command(TOGGLE))
            if on:  # it was off before
                self._target.command(TOGGLE)
            self._toggled = on is False
        except CommandFailed:
            self._toggled = False

    def put_back(self) -> None:
        """Removes every override and turns frame data on again; raises CommandFailed when some remain."""
        failures: List[str] = []
        _attempt(self._remove, failures)
        _attempt(self._frame_data_back, failures)
        if failures or self._count():
            raise CommandFailed(
                f"FPO overrides may remain ({'; '.join(failures) or '.fpo -o shows some'})",
                f"remove them: {'; '.join(self.undo())}",
            )

    def undo(self) -> Tuple[str, ...]:
        """The commands that put everything back."""
        return (*remove_commands(self._modules), *((TOGGLE,) if self._toggled else ()))

    def _frame_data_back(self) -> None:
        if self._toggled:
            self._target.command(TOGGLE)
            self._toggled = False

    def _remove(self) -> None:
        failures: List[str] = []
        for command in remove_commands(self._modules):
            _attempt(lambda text=command: self._target.command(text), failures)
        if failures:
            raise CommandFailed("; ".join(failures))

    def _count(self) -> int:
        return sum(entries(self._target.command(command)) for command in show_commands(self._modules))


def _attempt(job: Callable[[], object], failures: List[str]) -> None:
    try:
        job()
    except CommandFailed as failed:
        failures.append(failed.wrong)
