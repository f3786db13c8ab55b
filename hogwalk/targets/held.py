"""What the debugger holds: kind, machine, bug check, registers and the kernel's data block (`pykd` is the module)."""

from __future__ import annotations

import ntpath
import re
from dataclasses import replace
from typing import Any, Callable, Iterator, Optional, Tuple

from hogwalk.errors import CommandFailed, NoDebugger, Unreadable
from hogwalk.machine.windows import EXCEPTION_CHECKS, PCR_VERSION_BLOCK, VERSION_DATA_LIST, Kdbg
from hogwalk.model import About, BugCheck, Raised, Registers
from hogwalk.targets.parsers.expr import parse_module_list
from hogwalk.targets.parsers.raised import parse_raised
from hogwalk.targets.parsers.registers import chosen_frame, parse_registers
from hogwalk.targets.parsers.settings import dump_file
from hogwalk.targets.parsers.thread import parse_user_threads
from hogwalk.targets.parsers.words import ADDRESS, address
from hogwalk.targets.protocol import OTHER_MACHINE, Target

KDBG_TAG = b"KDBG"
# KDBG and PsLoadedModuleList lie in the kernel's .data, in Windows 7 to 11 less than 0x40000 bytes apart.
PIECE, PIECES = 0x10000, 8  # bytes searched at a time, so many to each side
MACHINES = {"I386": "x86", "AMD64": "x64", "ARM": "arm", "ARM64": "arm64"}


def about_of(pykd: Any, command: Callable[[str], str]) -> About:
    """What the debugger is attached to; raises NoDebugger when it holds no target."""
    try:
        kernel, dump = pykd.isKernelDebugging(), pykd.isDumpAnalyzing()
        machine = _machine(pykd.getCPUMode())
        pointer, page = pykd.ptrSize(), pykd.pageSize()
    except pykd.DbgException as error:
        raise NoDebugger(
            f"the debugger holds no target ({one_line(error)})", "open a dump or attach, then run hogwalk again"
        ) from error
    kind = ("kernel" if kernel else "user") + " dump" if dump else "live " + ("kernel" if kernel else "user")
    # The name without its folder: reports are pasted into mails.
    source = ntpath.basename(dump_file(command("||"))) if dump else ""
    check = _bug_check(pykd, pointer) if kernel else None
    raised = None
    if not kernel or (dump and check is not None and check.plain in EXCEPTION_CHECKS):
        raised = _raised(command)
    return About(kind, machine, pointer, page, check, source, raised)


def _machine(name: object) -> str:
    return MACHINES.get(str(name).rpartition(".")[2], "unknown")


def machine_notes(pykd: Any, about: About) -> Tuple[str, ...]:
    """What the user should know of `.effmach`: a kernel's stacks are those of its own machine alone.

    Of a program it is right: in 64-bit Windows a 32-bit one has stacks of both.
    """
    own = _machine(pykd.getCPUType()) if about.kernel else about.machine
    if own == about.machine:
        return ()
    return (f"{OTHER_MACHINE}: it is {own}, .effmach says {about.machine}; type .effmach . and repeat",)


def _raised(command: Callable[[str], str]) -> Optional[Raised]:
    try:
        return parse_raised(command(".exr -1"), command(".lastevent"))
    except CommandFailed:  # the last event was no exception
        return None


def _bug_check(pykd: Any, pointer: int) -> Optional[BugCheck]:
    try:
        code, *arguments = pykd.bugCheckData()
    except pykd.DbgException:
        return None
    mask = (1 << 8 * pointer) - 1
    return BugCheck(code, tuple(argument & mask for argument in arguments)) if code else None


def registers_by(command: Callable[[str], str], asked: str, live: bool = False) -> Optional[Registers]:
    """The registers that the answer to a command ends with; None where it has none or the debugger refuses it."""
    try:
        return parse_registers(command(asked), live)
    except CommandFailed:
        return None


def raised_context(command: Callable[[str], str], raised: Raised, teb: Optional[int]) -> Optional[Registers]:
    """The context of the exception that the current thread of a dump died of; None where there is none to be had.

    Nothing but `.ecxr` shows it, which sets the debugger's context and frame: call this only while no context is set;
    the user's frame is put back.
    """
    if raised.identifier is None or dict(parse_user_threads(command("~"))).get(raised.identifier) != teb:
        return None
    frame = chosen_frame(command(".frame"))
    try:
        found = registers_by(command, ".ecxr")
    finally:
        command(".cxr")
        if frame:
            command(f".frame 0n{frame}")
    return None if found is None else replace(found, source="the exception's context")


def live_data_block(target: Target) -> Optional[bytes]:
    """The debugger data block of a live kernel without the kernel's symbols; None where it is not found.

    The processor's version block leads to it (up to Windows 7); else it is searched for, by the machine itself, around
    PsLoadedModuleList, which the debugger has from the connection.
    """
    listed = module_list(target)
    for place in _places(target, listed):
        block = _read(target, place, Kdbg.BYTES)
        own = int.from_bytes(block[Kdbg.MODULE_LIST :][:8], "little") & target.about().words.mask
        if block[Kdbg.TAG : Kdbg.SIZE] == KDBG_TAG and listed in (None, own):
            return block
    return None


def module_list(target: Target) -> Optional[int]:
    """Address of PsLoadedModuleList as a live kernel said it when the debugger connected; it costs no request."""
    return parse_module_list(_answer(target, "vertarget"), target.about().pointer_bytes)


def _places(target: Target, listed: Optional[int]) -> Iterator[int]:
    """Where the block may lie: at the version block's list or behind its first link; where the search finds its tag."""
    size, machine = target.about().pointer_bytes, target.about().words
    pcr = target.evaluate("@$pcr")
    version = _word(target, pcr + PCR_VERSION_BLOCK[size], size) if pcr else 0
    head = _word(target, version + VERSION_DATA_LIST, size) if version else 0
    if head:
        yield from (_word(target, head, size), head)
    for number in range(2 * PIECES if listed is not None else 0):
        start = ((listed or 0) & -PIECE) + PIECE * ((number + 1) // 2 * (-1 if number % 2 else 1))
        found = _answer(target, f"s -a {machine.typed(start)} L{PIECE:x} {KDBG_TAG.decode()}")
        for hit in re.findall(rf"^({ADDRESS})  ", found, re.MULTILINE):
            yield address(hit) - Kdbg.TAG


def _word(target: Target, at: int, size: int) -> int:
    return int.from_bytes(_read(target, at, size), "little")


def _read(target: Target, at: int, count: int) -> bytes:
    try:
        return target.read(at & target.about().words.mask, count)
    except Unreadable:
        return b""


def _answer(target: Target, command: str) -> str:
    try:
        return target.command(command)
    except CommandFailed:
        return ""


def one_line(error: Exception) -> str:
    """An error's words on one line."""
    return " ".join(str(error).split())
