"""A recording's answers as JSON holds them, and back; unpacking raises ValueError, KeyError or TypeError on damage."""

from __future__ import annotations

import base64
import zlib
from dataclasses import asdict
from typing import Any, Callable, List, Optional, Sequence, Tuple, TypeVar, cast

from hogwalk.model import (
    About,
    BugCheck,
    FrameLayout,
    Module,
    PrintedRow,
    PrintedWalk,
    Process,
    Raised,
    Region,
    Registers,
    Symbol,
    ThreadStack,
    Triple,
    Version,
)

LARGEST_MEMORY = 64 << 20  # an answer that inflates to more than this is not a stack or a page of code
T = TypeVar("T")


def as_is(answer: object) -> object:
    """Numbers and texts need no packing."""
    return answer


def pack_memory(memory: Optional[bytes]) -> Optional[str]:
    """Bytes deflated and base64-coded."""
    return None if memory is None else base64.b64encode(zlib.compress(memory, 9)).decode("ascii")


def pack_record(record: object) -> Any:
    """A record as a dict."""
    return None if record is None else asdict(cast(Any, record))


def pack_records(records: Sequence[object]) -> List[Any]:
    """Records as dicts."""
    return [pack_record(record) for record in records]


def memory(packed: Any) -> bytes:
    """Bytes as they were read."""
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(base64.b64decode(text(packed), validate=True), LARGEST_MEMORY)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof:
        raise ValueError("memory cut short")
    return found


def whole(packed: Any) -> int:
    """A whole number."""
    if type(packed) is not int:
        raise TypeError(f"{type(packed).__name__} instead of a number")
    return packed


def text(packed: Any) -> str:
    """A text."""
    if not isinstance(packed, str):
        raise TypeError(f"{type(packed).__name__} instead of a text")
    return packed


def optional(unpack: Callable[[Any], T]) -> Callable[[Any], Optional[T]]:
    """Unpacks null as None."""
    return lambda packed: None if packed is None else unpack(packed)


def many(unpack: Callable[[Any], T]) -> Callable[[Any], Tuple[T, ...]]:
    """Unpacks a list."""

    def unpacked(packed: Any) -> Tuple[T, ...]:
        if not isinstance(packed, list):
            raise TypeError(f"{type(packed).__name__} instead of a list")
        return tuple(unpack(one) for one in packed)

    return unpacked


def about(packed: Any) -> About:
    """What kind of target the run looked at."""
    bugcheck = optional(lambda one: BugCheck(whole(one["code"]), many(whole)(one["arguments"])))(packed["bugcheck"])
    sizes = whole(packed["pointer_bytes"]), whole(packed["page_bytes"])
    if min(sizes) < 1:
        raise ValueError("a page or a pointer without bytes")
    raised = optional(_raised)(packed.get("raised"))
    return About(text(packed["kind"]), text(packed["machine"]), *sizes, bugcheck, text(packed["source"]), raised)


def _raised(packed: Any) -> Raised:
    return Raised(whole(packed["code"]), *(optional(whole)(packed[key]) for key in ("access", "identifier")))


def module(packed: Any) -> Module:
    """A loaded module."""
    return Module(text(packed["name"]), whole(packed["start"]), whole(packed["end"]), text(packed["symbols"]))


def symbol(packed: Any) -> Symbol:
    """A symbol."""
    return Symbol(text(packed["module"]), text(packed["name"]), whole(packed["displacement"]))


def layout(packed: Any) -> FrameLayout:
    """A frame layout."""
    depth, frame_ebp, saved_ebp = (optional(whole)(packed[key]) for key in ("depth", "frame_ebp", "saved_ebp"))
    return FrameLayout(depth, whole(packed["parameters"]), frame_ebp, saved_ebp, packed["ebp_kept"] is True)


def version(packed: Any) -> Version:
    """A version resource."""
    company, product, description, number = (
        text(packed[key]) for key in ("company", "product", "description", "file_version")
    )
    linked = optional(whole)(packed.get("linked"))
    if linked is not None and not 0 <= linked <= 0xFFFFFFFF:
        raise ValueError("no time stamp of a linker's")
    return Version(company, product, description, number, linked)


def region(packed: Any) -> Region:
    """A stack range."""
    thread = optional(whole)(packed["thread"])
    reserved = optional(whole)(packed.get("reserved"))
    return Region(whole(packed["limit"]), whole(packed["base"]), thread, text(packed["source"]), reserved)


def triple(packed: Any) -> Triple:
    """A start of a walk."""
    return Triple(whole(packed["base_ptr"]), whole(packed["stack_ptr"]), whole(packed["instruction_ptr"]))


def process(packed: Any) -> Process:
    """A process."""
    return Process(whole(packed["address"]), text(packed["image"]), optional(version)(packed["version"]))


def registers(packed: Any) -> Registers:
    """Registers and who holds them."""
    ip, sp, bp = (whole(packed[key]) for key in ("ip", "sp", "bp"))
    return Registers(ip, sp, bp, text(packed["source"]), packed["chosen"] is True)


def thread_stack(packed: Any) -> ThreadStack:
    """A thread's stack."""
    limit, base, pointer = (optional(whole)(packed[key]) for key in ("limit", "base", "pointer"))
    identifier = optional(whole)(packed["identifier"])
    bounded = packed.get("bounded", True) is True
    return ThreadStack(whole(packed["thread"]), identifier, text(packed["process"]), limit, base, pointer, bounded)


def printed_row(packed: Any) -> PrintedRow:
    """A row of a stack table."""
    frame_ptr, return_address, running = (
        optional(whole)(packed[key]) for key in ("frame_ptr", "return_address", "running")
    )
    inline, trap, lost = (packed[key] is True for key in ("inline", "trap", "lost"))
    return PrintedRow(frame_ptr, return_address, optional(symbol)(packed["symbol"]), running, inline, trap, lost)


def printed_walk(packed: Any) -> PrintedWalk:
    """A stack table."""
    return PrintedWalk(
        text(packed["command"]),
        optional(triple)(packed["triple"]),
        region(packed["region"]),
        many(many(printed_row))(packed["stacks"]),
        many(printed_row)(packed["unplaced"]),
        many(text)(packed["remarks"]),
        many(text)(packed["others"]),
        packed["bounded"] is True,
    )
