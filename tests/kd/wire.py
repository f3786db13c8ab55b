"""The KD serial protocol as the target sees it: packets, checksums, the numbers of requests.

Facts from windbgkd.h and public descriptions.  A packet is a header of 16 bytes, little-endian: leader (u32: "0000" for
data, "iiii" for control), type (u16), bytes of data (u16), id (u32), sum of the data bytes (u32); then, in data packets
only, the data and one byte 0xAA.  Every data packet is answered by an ACK control packet with its id.  A lone byte 0x62
between packets asks a running target to break in.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Callable, Union

DATA, CONTROL = 0x30303030, 0x69696969
BREAK_IN, TRAILER = 0x62, b"\xaa"
FIRST_ID, SYNC = 0x80800000, 0x800  # ids alternate in bit 0; the first one after a reset carries SYNC
MANIPULATE, DEBUG_IO, ACK, RESEND, RESET, STATE_CHANGE64 = 2, 3, 4, 5, 6, 7
HEADER = struct.Struct("<IHHII")
STATE_BYTES = 56  # DBGKD_MANIPULATE_STATE64: a head of 16 bytes and a union of 40
MOST_DATA = 4000 - STATE_BYTES  # bytes of memory in one answer

APIS = {  # DBGKD_MANIPULATE_STATE64.ApiNumber
    0x3130: "ReadVirtualMemory", 0x3131: "WriteVirtualMemory", 0x3132: "GetContext", 0x3133: "SetContext",
    0x3134: "WriteBreakPoint", 0x3135: "RestoreBreakPoint", 0x3136: "Continue", 0x3137: "ReadControlSpace",
    0x3138: "WriteControlSpace", 0x3139: "ReadIoSpace", 0x313A: "WriteIoSpace", 0x313B: "Reboot", 0x313C: "Continue2",
    0x313D: "ReadPhysicalMemory", 0x313E: "WritePhysicalMemory", 0x3140: "SetSpecialCall", 0x3141: "ClearSpecialCalls",
    0x3142: "SetInternalBreakPoint", 0x3143: "GetInternalBreakPoint", 0x3145: "WriteIoSpaceExtended",
    0x3146: "GetVersion", 0x3147: "WriteBreakPointEx", 0x3148: "RestoreBreakPointEx", 0x3149: "CauseBugCheck",
    0x3150: "SwitchProcessor", 0x3151: "PageIn", 0x3152: "ReadMsr", 0x3153: "WriteMsr", 0x3156: "SearchMemory",
    0x3158: "SetBusData", 0x315A: "ClearAllInternalBreakpoints", 0x315B: "FillMemory", 0x315C: "QueryMemory",
    0x315F: "GetContextEx", 0x3160: "SetContextEx",
}  # fmt: skip
GO = frozenset(("Continue", "Continue2"))
# What would change the target.  The engine itself clears breakpoints (RestoreBreakPoint of handles 1 to 32,
# ClearAllInternalBreakpoints) when it attaches; from the first prompt on these count as well.
CHANGES = GO | {
    "WriteVirtualMemory", "SetContext", "WriteBreakPoint", "WriteControlSpace", "WriteIoSpace", "Reboot",
    "WritePhysicalMemory", "SetSpecialCall", "ClearSpecialCalls", "SetInternalBreakPoint", "WriteIoSpaceExtended",
    "WriteBreakPointEx", "CauseBugCheck", "WriteMsr", "SetBusData", "FillMemory", "SetContextEx", "PageIn",
}  # fmt: skip
CHANGES_AT_PROMPT = CHANGES | {"RestoreBreakPoint", "RestoreBreakPointEx", "ClearAllInternalBreakpoints"}
UNANSWERED = GO | {
    "Reboot", "CauseBugCheck", "ClearAllInternalBreakpoints", "ClearSpecialCalls", "SetInternalBreakPoint",
    "SwitchProcessor",
}  # fmt: skip


class LineDown(Exception):
    """The other side closed the connection."""


@dataclass(frozen=True)
class Packet:
    """A packet as it came in; `good` tells that its checksum and trailer are right, `size` is in bytes on the wire."""

    leader: int
    kind: int
    ident: int
    data: bytes
    good: bool

    @property
    def size(self) -> int:
        return HEADER.size + (len(self.data) + 1 if self.leader == DATA else 0)


class BreakIn:
    """The debugger asks a running target to stop."""


def control_packet(kind: int, ident: int) -> bytes:
    """A packet without data."""
    return HEADER.pack(CONTROL, kind, 0, ident, 0)


def data_packet(kind: int, ident: int, data: bytes) -> bytes:
    """A packet with data."""
    return HEADER.pack(DATA, kind, len(data), ident, sum(data) & 0xFFFFFFFF) + data + TRAILER


class Incoming:
    """Cuts the bytes of a connection into packets; `receive(count)` gives at most so many, none when it was closed."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()

    def next(self) -> Union[Packet, BreakIn]:
        """The next packet or break-in; raises LineDown at the end.  What is neither is passed over."""
        while True:
            if self._peek(1)[0] == BREAK_IN:
                self._take(1)
                return BreakIn()
            if self._peek(1) in (b"0", b"i") and self._peek(4) in (b"0000", b"iiii"):
                return self._packet()
            self._take(1)

    def _packet(self) -> Packet:
        leader, kind, count, ident, checksum = HEADER.unpack(self._take(HEADER.size))
        if leader == CONTROL:
            return Packet(leader, kind, ident, b"", True)
        data = self._take(count)
        good = self._take(1) == TRAILER and sum(data) & 0xFFFFFFFF == checksum
        return Packet(leader, kind, ident, data, good)

    def _peek(self, count: int) -> bytes:
        while len(self._buffer) < count:
            came = self._receive(1 << 16)
            if not came:
                raise LineDown
            self._buffer += came
        return bytes(self._buffer[:count])

    def _take(self, count: int) -> bytes:
        taken = self._peek(count)
        del self._buffer[:count]
        return taken
