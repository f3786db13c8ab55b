"""What hogwalk.targets.protocol promises, as checks that any target must pass; inside the debugger too.

As a program it runs in Windows Python on the real engine: python -m tests.targets.contract DUMP SYMBOLS.
"""

from __future__ import annotations

import json
import sys
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.errors import CommandFailed, NoDebugger, NotRecorded, Unreadable
from hogwalk.targets.protocol import Target, read_each

KINDS = ("kernel dump", "live kernel", "user dump", "live user", "text")
NOWHERE = 0x44  # the lowest page is never mapped
REFUSED = ".no_such_command"
Check = Callable[[Target], None]


def about(target: Target) -> None:
    said = target.about()
    assert said == target.about()
    assert said.kind in KINDS
    assert said.live == said.kind.startswith("live")
    assert said.pointer_bytes == said.words.word
    assert said.page_bytes >= 1


def memory(target: Target) -> None:
    places = readable(target)
    for address in places:
        whole = target.read(address, 4)
        assert len(whole) == 4
        assert [target.read(address + at, 1) for at in range(4)] == [whole[at : at + 1] for at in range(4)]
    assert not _reads(target, NOWHERE), "page 0 can be read"


def many_ranges(target: Target) -> None:
    places = readable(target)
    ranges = [(NOWHERE, 4), *((address, 4) for address in places), *((address + 1, 2) for address in places)]
    ranges += [(address, 2) for address in reversed(places)] + ranges[:2]
    assert target.read_many(ranges) == read_each(target, ranges)
    assert target.read_many([]) == ()


def modules(target: Target) -> None:
    found = target.modules()
    assert all(module.start < module.end for module in found)
    assert all(before.end <= after.start for before, after in zip(found, found[1:]))
    assert all(module.symbols in ("pdb", "coff", "export", "none", "deferred") for module in found)
    target.symbols([module.start for module in found])
    assert [(one.name, one.start, one.end) for one in target.modules()] == [(m.name, m.start, m.end) for m in found]


def symbols(target: Target) -> None:
    places = {module.start + 0x20: module.name for module in target.modules()}
    assert target.symbols([]) == ()
    assert target.symbols([NOWHERE]) == (None,)
    found = target.symbols([*places, NOWHERE, *places])
    assert len(found) == 2 * len(places) + 1
    assert found[: len(places)] == found[len(places) + 1 :]
    for name, symbol in zip(places.values(), found):
        assert symbol is not None
        assert symbol.module == name
        assert symbol.displacement >= 0


def layouts_and_versions(target: Target) -> None:
    starts = [module.start for module in target.modules()]
    names = [module.name for module in target.modules()]
    assert target.layouts([]) == ()
    assert target.versions([]) == ()
    assert target.taken([]) == ()
    assert len(target.taken([*starts, NOWHERE])) == len(starts) + 1
    assert len(target.layouts([*starts, NOWHERE])) == len(starts) + 1
    versions = target.versions([*names, "no_such_module"])
    assert len(versions) == len(names) + 1
    assert versions[-1] is None


def structures(target: Target) -> None:
    assert target.field("_NO_SUCH_TYPE", "Field") is None
    assert target.field("_KTHREAD", "NoSuchField") is None
    block = target.debugger_block()
    assert block is None or block[0x10:0x14] == b"KDBG"


def threads(target: Target) -> None:
    thread = target.thread()
    assert thread is None or thread > 0
    found = [stack.thread for stack in target.threads()]
    assert len(set(found)) == len(found)
    assert thread is None or not found or thread in found
    for stack in target.threads():
        assert stack.limit is None or stack.base is None or stack.limit < stack.base


def registers(target: Target) -> None:
    found = target.registers()
    assert all(one.ip and one.sp and one.source for one in found)
    chosen = [one.chosen for one in found]
    assert chosen == sorted(chosen, reverse=True)  # what the user chose comes first


def expressions(target: Target) -> None:
    assert target.evaluate("1 1 no such expression !") is None
    assert target.evaluate("@$no_such_register") is None


def commands(target: Target) -> None:
    before = list(target.commands())
    assert _refuses(target), "a command that does not exist was answered"
    assert list(target.commands())[: len(before)] == before


def what_it_states(target: Target) -> None:
    assert all(note == note.strip() and "\n" not in note for note in target.notes)
    hint = target.stack_hint()
    assert hint is None or hint.limit < hint.base
    assert all(start.stack_ptr > 0 for start in target.shown_starts())


CHECKS: Tuple[Check, ...] = (
    about, memory, many_ranges, modules, symbols, layouts_and_versions, structures, threads, registers, expressions,
    commands, what_it_states,
)  # fmt: skip


def readable(target: Target) -> Sequence[int]:
    """Some addresses whose four bytes can be read: modules' starts, the stack that the source states."""
    hint = target.stack_hint()
    places = [*(module.start for module in target.modules()), *((hint.limit, hint.base - 8) if hint else ())]
    return [address for address in places if _reads(target, address)]


def _reads(target: Target, address: int) -> bool:
    try:
        target.read(address, 4)
    except (Unreadable, NotRecorded):
        return False
    return True


def _refuses(target: Target) -> bool:
    try:
        target.command(REFUSED)
    except (CommandFailed, NoDebugger):
        return True
    return False


def broken(target: Target) -> Dict[str, str]:
    """The checks that a target fails, with what failed; {} for one that keeps the contract."""
    found: Dict[str, str] = {}
    for check in CHECKS:
        reason: Optional[BaseException] = None
        try:
            check(target)
        except AssertionError as error:
            reason = error
        if reason is not None:
            frames: List[str] = []
            trace = reason.__traceback__
            while trace is not None:
                frames.append(str(trace.tb_lineno))
                trace = trace.tb_next
            found[check.__name__] = f"lines {' '.join(frames)}: {reason}"
    return found


if __name__ == "__main__":
    from hogwalk.targets.attach import open_engine

    sys.stdout.write(json.dumps(broken(open_engine(sys.argv[1], "", sys.argv[2], ""))) + "\n")
