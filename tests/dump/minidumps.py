"""User minidumps (MDMP): stack-only and full memory, x86, and a 32-bit program in an x64 dump (WOW64)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Sequence, Tuple

from tests.dump.contents import PAGE, Contents
from tests.symbols.images import image

X86, X64 = 0, 9
TEB32, TEB64 = 0x7FFDE000, 0x7FFDC000
IP, SP, BP = 0xB8D8C0D4, 0xB8AE7000, 0xB8AE7010
STACK_OVERFLOW = 0xC00000FD
THREAD_ID = 0x9B8
_KINDS = {"threads": 3, "modules": 4, "memory": 5, "exception": 6, "system": 7, "memory64": 9}
_ALL_32, _ALL_64 = 0x10017, 0x10001F


@dataclass(frozen=True)
class Thread:
    """A thread: id, TEB, its saved stack [start, end), its raw CONTEXT."""

    identifier: int
    teb: int
    start: int
    end: int
    context: bytes


@dataclass(frozen=True)
class Loaded:
    """A module: path, place, linker's timestamp, RSDS record or nothing."""

    path: str
    start: int
    size: int
    timestamp: int
    codeview: bytes = b""


def context32(ip: int, sp: int, bp: int) -> bytes:
    """An x86 CONTEXT (0x2cc bytes)."""
    raw = bytearray(0x2CC)
    struct.pack_into("<I", raw, 0, _ALL_32)
    struct.pack_into("<6I", raw, 0xB4, bp, ip, 0x1B, 0x202, sp, 0x23)
    return bytes(raw)


def context64(ip: int, sp: int, bp: int, code: int = 0x33) -> bytes:
    """An x64 CONTEXT (0x4d0 bytes); with `code` 23h of 32-bit code that runs."""
    raw = bytearray(0x4D0)
    struct.pack_into("<I", raw, 0x30, _ALL_64)
    struct.pack_into("<H", raw, 0x38, code)
    struct.pack_into("<QQ", raw, 0x98, sp, bp)
    struct.pack_into("<Q", raw, 0xF8, ip)
    return bytes(raw)


class _Builder:
    """The file behind its header and directory."""

    def __init__(self, streams: int) -> None:
        self.data = bytearray(32 + 12 * streams)
        self._streams: List[Tuple[int, int, int]] = []

    def add(self, content: bytes) -> int:
        """Appends aligned to 8 bytes; the file offset."""
        self.data += bytes(-len(self.data) % 8)
        self.data += content
        return len(self.data) - len(content)

    def stream(self, name: str, content: bytes) -> None:
        """Appends a stream and lists it in the directory."""
        self._streams.append((_KINDS[name], len(content), self.add(content)))

    def finish(self, flags: int) -> bytes:
        """The file."""
        struct.pack_into("<4sIIIIIQ", self.data, 0, b"MDMP", 0xA793, len(self._streams), 32, 0, 0x45A1C2F0, flags)
        for index, stream in enumerate(self._streams):
            struct.pack_into("<III", self.data, 32 + 12 * index, *stream)
        return bytes(self.data)


def minidump(
    architecture: int,
    threads: Sequence[Thread],
    modules: Sequence[Loaded],
    memory: Mapping[int, bytes],
    full: bool,
    exception: bool = True,
    wanted: Sequence[int] = (),
    raised_in: bytes = b"",
) -> bytes:
    """A minidump; `memory` are byte ranges by address, in a Memory64List when `full`, else in a MemoryList.

    Its exception is a stack overflow of the first thread, `wanted` its parameters: the kind of access, and where;
    `raised_in` is its context, where that is not the thread's own.
    """
    file = _Builder(5 if exception else 4)
    if architecture == X86:
        threads = [replace(thread, start=extended(thread.start), end=extended(thread.end)) for thread in threads]
        modules = [replace(module, start=extended(module.start)) for module in modules]
        memory = {extended(address): data for address, data in memory.items()}
    file.stream("system", _system(architecture))
    stacks = {thread.start: file.add(_bytes(memory, thread.start, thread.end)) for thread in threads}
    contexts = {thread.identifier: file.add(thread.context) for thread in threads}
    rows = b"".join(
        struct.pack(
            "<IIIIQQIIII", thread.identifier, 0, 0, 0, thread.teb, thread.start, thread.end - thread.start,
            stacks[thread.start], len(thread.context), contexts[thread.identifier],
        )
        for thread in threads
    )  # fmt: skip
    file.stream("threads", struct.pack("<I", len(threads)) + rows)
    file.stream("modules", struct.pack("<I", len(modules)) + b"".join(_module(file, module) for module in modules))
    if exception:
        first = threads[0]
        record = struct.pack("<IIIIQQII", first.identifier, 0, STACK_OVERFLOW, 0, 0, IP, len(wanted), 0)
        record += b"".join(struct.pack("<Q", one) for one in wanted).ljust(120, b"\0")
        context = file.add(raised_in) if raised_in else contexts[first.identifier]
        place = struct.pack("<II", len(raised_in or first.context), context)
        file.stream("exception", record + place)
    _memory(file, memory, full)
    return file.finish(2 if full else 0)


def extended(address: int) -> int:
    """A 32-bit address as Windows writes it into x86 minidumps: sign-extended."""
    return address | 0xFFFFFFFF00000000 if 1 << 31 <= address < 1 << 32 else address


def _system(architecture: int) -> bytes:
    """SYSTEM_INFO of Windows Server 2003."""
    return struct.pack("<HHHBBIIIII", architecture, 6, 0x0F06, 1, 3, 5, 2, 3790, 2, 0).ljust(56, b"\0")


def _module(file: _Builder, module: Loaded) -> bytes:
    raw = module.path.encode("utf-16-le", "surrogatepass")
    name_at = file.add(struct.pack("<I", len(raw)) + raw + b"\0\0")
    place = struct.pack("<II", len(module.codeview), file.add(module.codeview)) if module.codeview else bytes(8)
    head = struct.pack("<QIIII", module.start, module.size, 0, module.timestamp, name_at)
    return head + bytes(52) + place + bytes(8 + 16)


def _bytes(memory: Mapping[int, bytes], start: int, end: int) -> bytes:
    """Bytes that lie in one range of `memory`."""
    for address, data in memory.items():
        if address <= start and end <= address + len(data):
            return data[start - address : end - address]
    raise ValueError(f"{start:x}..{end:x} is in no range")


def _memory(file: _Builder, memory: Mapping[int, bytes], full: bool) -> None:
    if not full:
        rows = b"".join(struct.pack("<QII", at, len(data), file.add(data)) for at, data in sorted(memory.items()))
        file.stream("memory", struct.pack("<I", len(memory)) + rows)
        return
    ranges = sorted(memory.items())
    size = 16 + 16 * len(ranges)
    start = (len(file.data) + 7) // 8 * 8 + size
    head = struct.pack("<QQ", len(ranges), start) + b"".join(struct.pack("<QQ", at, len(data)) for at, data in ranges)
    file.stream("memory64", head)
    for _, data in ranges:
        file.data += data


def ranges(pages: Mapping[int, bytes]) -> Dict[int, bytes]:
    """Pages joined into contiguous ranges."""
    found: Dict[int, bytearray] = {}
    last = None
    for address in sorted(pages):
        if last is None or last + len(found[last]) != address:
            last = address
            found[last] = bytearray()
        found[last] += pages[address]
    return {address: bytes(data) for address, data in found.items()}


def loaded(contents: Contents) -> List[Loaded]:
    """The machine's modules as a user dump lists them."""
    found = []
    for driver in contents.drivers():
        raw = b"".join(contents.pages.get(at, b"") for at in range(driver.start, driver.start + driver.size, PAGE))
        at = raw.find(b"RSDS")
        codeview = raw[at : raw.index(b"\0", at + 24) + 1] if at >= 0 else b""
        found.append(Loaded("C:\\stackhog\\" + driver.file, driver.start, driver.size, driver.timestamp, codeview))
    return found


def user32(contents: Contents, full: bool, exception: bool = True) -> bytes:
    """The StackHog stack as the stack of an x86 user thread; `full` with all memory, else stack and TEB only."""
    teb = bytearray(PAGE)
    struct.pack_into("<III", teb, 0, 0xFFFFFFFF, contents.base, contents.limit)
    struct.pack_into("<I", teb, 0x18, TEB32)
    pages = dict(contents.pages) if full else {}
    pages.update({at: contents.pages[at] for at in range(contents.limit, contents.base, PAGE)})
    pages[TEB32] = bytes(teb)
    thread = Thread(THREAD_ID, TEB32, contents.limit, contents.base, context32(IP, SP, BP))
    return minidump(X86, [thread], loaded(contents), ranges(pages), full, exception)


def wow64(contents: Contents, by_pointer: bool = True) -> bytes:
    """The same stack as the 32-bit stack of a WOW64 thread in a full x64 dump.

    The 32-bit TEB is named by TEB64.ExceptionList, or only lies where it always does, 2000h behind the 64-bit one.
    """
    teb32 = TEB64 + 0x2000
    area, native = 0x7FFDA000, 0x7FFD0000
    small, wide = bytearray(PAGE), bytearray(2 * PAGE)
    struct.pack_into("<III", small, 0, 0xFFFFFFFF, contents.base, contents.limit)
    struct.pack_into("<I", small, 0x18, teb32)
    struct.pack_into("<QQQ", wide, 0, teb32 if by_pointer else 0, native + PAGE, native)
    struct.pack_into("<Q", wide, 0x30, TEB64)
    struct.pack_into("<Q", wide, 0x1488, area)
    cpu = (struct.pack("<HH", 0, 0x14C) + context32(IP, SP, BP)).ljust(PAGE, b"\0")
    pages = {**contents.pages, teb32: bytes(small), area: cpu, native: bytes(PAGE)}
    pages.update({TEB64: bytes(wide[:PAGE]), TEB64 + PAGE: bytes(wide[PAGE:])})
    dlls = ((0x77A00000, "ntdll"), (0x75A00000, "wow64"), (0x75B00000, "wow64cpu"))
    modules = loaded(contents)
    modules += [Loaded(f"C:\\Windows\\System32\\{name}.dll", at, 0x4000, 0x5A5A5A5A) for at, name in dlls]
    modules.append(Loaded("C:\\Windows\\SysWOW64\\ntdll.dll", 0x77C00000, 0x4000, 0x5A5A5A5A))
    code = image(True, {0x1100: "CpuSimulate"})
    pages.update({0x75B00000 + at: code[at : at + PAGE] for at in range(0, len(code), PAGE)})
    thread = Thread(THREAD_ID, TEB64, native, native + PAGE, context64(0x75B01120, native + 0x800, 0))
    return minidump(X64, [thread], modules, ranges(pages), full=True)
