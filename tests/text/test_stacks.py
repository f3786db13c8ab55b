"""Which of the stacks in one table is the one that ran out."""

from __future__ import annotations

from tests.text.test_tables import X64, held, report


def test_the_handlers_own_stack_is_not_the_one_that_ran_out_however_short_the_excerpt() -> None:
    lines = X64.splitlines()
    handler = [
        line.replace("40083e50", f"40083{at:03x}").replace("DoubleFaultAbort", "Any")
        for at, line in enumerate([lines[3]] * 6, 0xD50)
    ]
    found = report("\n".join([*lines[:3], *handler, *lines[3:]]))
    assert held(found) == {"LarchAv": 0x140 + 0x80, "nt": 0x100}
    assert [len(stack.frames) for stack in found.other_stacks] == [8]
