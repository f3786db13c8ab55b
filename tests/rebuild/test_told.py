"""What a walk knows of called functions whose code the dump lacks: by their names, by other calls on the stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Sequence, Tuple

from hogwalk.model import About, Module
from hogwalk.walk.rebuild.functions import Functions
from tests.rebuild.machine import Machine

LIMIT, BASE = 0xBA000000, 0xBA001000
DRIVER, GONE = Module("driver", 0xB8000000, 0xB8004000, "none"), Module("gone", 0xB9000000, 0xB9004000, "none")
CELL, AWAY = DRIVER.start + 0x2000, GONE.start + 0x1230
FIRST, SECOND = DRIVER.start + 0x1010, DRIVER.start + 0x1110
EVEN, ASKED = FIRST + 15, SECOND + 16
THROUGH = "ff15" + CELL.to_bytes(4, "little").hex()


class Told(Machine):
    """A driver that calls a function of a module whose code is not there; `names` are what symbols tell."""

    def __init__(self, names: Dict[int, int], live: bool) -> None:
        super().__init__((DRIVER, GONE))
        self.names, self.live = names, live

    def command(self, text: str) -> str:
        return ""

    def about(self) -> About:
        return replace(super().about(), kind="live kernel") if self.live else super().about()

    def taken(self, addresses: Sequence[int]) -> Tuple[Optional[int], ...]:
        return tuple(self.names.get(address) for address in addresses)


def told(even: str = "5e5dc3", names: Optional[Dict[int, int]] = None, live: bool = False) -> Tuple[int, ...]:
    """The depths at the second function's second call where they are exact, else none."""
    machine = Told(names or {}, live)
    # push ebp; mov ebp,esp; push esi; push 1; push 2; nop; call [cell]; pop esi; pop ebp; ret
    machine.write(FIRST, bytes.fromhex("558bec56 6a016a02 90" + THROUGH + even))
    # push ebp; push esi; push 1; push 2; call [cell]; push 3; call eax; pop esi; pop ebp; ret
    machine.write(SECOND, bytes.fromhex("55 56 6a016a02" + THROUGH + "6a03 ffd0 5e5dc3"))
    machine.write_words(CELL, [AWAY])
    machine.write_words(LIMIT, [0] * ((BASE - LIMIT) // 4))
    machine.write_words(LIMIT + 0x100, [ASKED, 0, 0, 0, EVEN])
    functions = Functions(machine.evidence(LIMIT, BASE))
    found = functions.depths.at(SECOND, ASKED)
    return found.depths if found.exact else ()


def test_another_call_on_the_stack_shows_what_an_unread_function_takes() -> None:
    assert told() == (12,)
    assert told(even="c9c3") == ()  # leave: nothing there has to come out even
    assert told(live=True) == ()  # all of it would be read over a wire


def test_a_name_tells_before_other_calls() -> None:
    assert told(names={AWAY: 8}, live=True) == (12,)
    assert told(names={CELL: 8}, live=True) == (12,)
    assert told(names={AWAY: 4}) == (16,)
