"""Registers that lie in memory: a CONTEXT, a trap frame, what a switch between threads or stacks left behind.

Each is known by what it must hold besides the registers (flags, selectors, EFLAGS), so that an address given by hand,
or an argument that was something else in an older Windows, is not taken for one.
Sources: the public types _CONTEXT, _KTRAP_FRAME, _KSWITCH_FRAME; machine/windows.py has the offsets.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Iterator, Optional, Sequence, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine import windows
from hogwalk.machine.words import X86, shown
from hogwalk.model import Region, Registers
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.traps import trap_frame

DPC_PAGES = 3  # of an x86 DPC stack


def registers_at(target: Target, address: int) -> Optional[Registers]:
    """The registers of the CONTEXT or the trap frame at an address, None where neither lies there."""
    return context_at(target, address) or trap_at(target, address)


def context_at(target: Target, address: int) -> Optional[Registers]:
    """The registers of a CONTEXT record."""
    narrow = target.about().words is X86
    if narrow:
        at, code = (windows.CONTEXT_EIP, windows.CONTEXT_ESP, windows.CONTEXT_EBP), windows.CONTEXT_CS
        flags, own, ever = windows.CONTEXT_FLAGS, windows.CONTEXT_I386, windows.CONTEXT_EVER
    else:
        at, code = (windows.CONTEXT64_RIP, windows.CONTEXT64_RSP, windows.CONTEXT64_RBP), windows.CONTEXT64_CS
        flags, own, ever = windows.CONTEXT64_FLAGS, windows.CONTEXT64_AMD64, windows.CONTEXT64_EVER
    raw = _read(target, address, max(*at, flags, code) + 8)
    if raw is None:
        return None
    (said,), (selector,) = struct.unpack_from("<I", raw, flags), struct.unpack_from("<H", raw, code)
    if not said & own or not said & windows.CONTEXT_CONTROL or said & ~ever or not _is_code(selector, narrow):
        return None
    return _registers(target, raw, at, f"context record {shown(address)}")


def trap_at(target: Target, address: int) -> Optional[Registers]:
    """The registers of a trap frame; its stack pointer is that of the interrupted code."""
    if target.about().words is X86:
        raw = _read(target, address, windows.TRAP_BYTES) or _read(target, address, windows.TRAP_KERNEL_BYTES)
        return None if raw is None else _trap32(X86.unpack(raw), windows.TRAP_EIP // X86.word, address)
    raw = _read(target, address, windows.TRAP64_SS + 8)
    if raw is None:
        return None
    code, stack = (struct.unpack_from("<H", raw, at)[0] for at in (windows.TRAP64_CS, windows.TRAP64_SS))
    (flags,) = struct.unpack_from("<I", raw, windows.TRAP64_FLAGS)
    if not _pushed(code, flags, stack):
        return None
    at = windows.TRAP64_RIP, windows.TRAP64_RSP, windows.TRAP64_RBP
    return _registers(target, raw, at, f"trap frame {shown(address)}")


def traps_at(image: StackImage, ip: int) -> Iterator[Registers]:
    """The registers of each trap frame on an x86 stack that interrupted that instruction, the lowest first."""
    if image.machine is not X86 or not ip:
        return
    for index, word in enumerate(image.words):
        found = _trap32(image.words, index, image.region.limit) if word == ip else None
        if found is not None:
            yield found


def _trap32(words: Sequence[int], index: int, start: int) -> Optional[Registers]:
    trap = trap_frame(words, index, start)
    if trap is None:
        return None
    sp = trap.slot + windows.TRAP_ESP - windows.TRAP_EIP
    if trap.user:
        above = index + (windows.TRAP_ESP - windows.TRAP_EIP) // X86.word
        sp = words[above] if above < len(words) else 0
    source = f"trap frame {shown(trap.slot - windows.TRAP_EIP)}"
    return Registers(trap.ip, sp, trap.ebp, source) if trap.ip and sp else None


def switched_out(target: Target, kernel_stack: int) -> Optional[Registers]:
    """The registers that a thread which does not run was left with, by its _KTHREAD.KernelStack."""
    narrow = target.about().words is X86
    ip, bp = (windows.SWITCH_EIP, windows.SWITCH_EBP) if narrow else (windows.SWITCH64_RIP, windows.SWITCH64_RBP)
    word = target.about().words.word
    raw = _read(target, kernel_stack, max(ip, bp) + word)
    if raw is None:
        return None
    found = _registers(target, raw, (ip, ip, bp), "the waiting thread's own")
    if found is None or found.ip <= target.about().words.mask >> 1:
        return None
    return replace(found, sp=kernel_stack + ip + word)


def left_behind(target: Target, region: Region, elsewhere: int) -> Optional[Registers]:
    """What ran on a stack before its processor went on on another one, whose pointer is `elsewhere`; None if unknown.

    x86: a DPC stack keeps the interrupted ESP right below its top.  x64: the processor pushed it there itself.
    """
    if target.about().words is X86:
        return _before_dpc(target, region, elsewhere)
    start, found = elsewhere & ~7, None
    for page in range(start, start + windows.IST_BYTES, windows.PAGE):
        size = windows.PAGE - page % windows.PAGE
        raw = _read(target, page - page % windows.PAGE, windows.PAGE)
        if raw is None:
            break
        found = _machine_frame(raw[windows.PAGE - size :], region)
        if found is not None:
            break
    return found


def _before_dpc(target: Target, region: Region, esp: int) -> Optional[Registers]:
    top = (esp | windows.PAGE - 1) + 1
    for _ in range(DPC_PAGES):
        raw = _read(target, top - windows.DPC_EBP, windows.DPC_EBP)
        if raw is None:
            return None
        bp, ip, sp = X86.unpack(raw)
        if sp in region and X86.aligned(sp) and ip >= windows.USER_END and (bp in region or not bp):
            return Registers(ip, sp, bp, "the thread's own, as a DPC stack keeps them")
        top += windows.PAGE
    return None


def _machine_frame(raw: bytes, region: Region) -> Optional[Registers]:
    # RIP, CS, RFLAGS, RSP, SS; right below RIP an error code, RBP one further.
    words = struct.unpack(f"<{len(raw) // 8}Q", raw)
    for at in range(2, len(words) - 4):
        ip, code, flags, sp, stack = words[at : at + 5]
        if sp in region and code == windows.KERNEL64_CS and _pushed(code, flags, stack) and ip >> 63:
            return Registers(ip, sp, words[at - 2], "the thread's own, as the fault's stack keeps them")
    return None


def _pushed(code: int, flags: int, stack: int) -> bool:
    """Whether these can be CS, RFLAGS and SS as an x64 processor pushes them."""
    if not flags & windows.FLAGS_SET or flags & windows.FLAGS_NEVER:
        return False
    if code == windows.KERNEL64_CS:
        return stack in windows.KERNEL64_SS
    return code in windows.USER64_CS and stack in windows.USER64_SS


def _is_code(selector: int, narrow: bool) -> bool:
    if selector & windows.USER_PRIVILEGE == windows.USER_PRIVILEGE:
        return selector < 0x100
    return selector == (windows.KERNEL_CS if narrow else windows.KERNEL64_CS)


def _registers(target: Target, raw: bytes, at: Tuple[int, int, int], source: str) -> Optional[Registers]:
    letter = target.about().words.letter
    ip, sp, bp = (int(struct.unpack_from(f"<{letter}", raw, offset)[0]) for offset in at)
    return Registers(ip, sp, bp, source) if ip and sp else None


def _read(target: Target, address: int, count: int) -> Optional[bytes]:
    mask = target.about().words.mask
    if not 0 <= address <= mask - count:
        return None
    try:
        return target.read(address, count)
    except Unreadable:
        return None
