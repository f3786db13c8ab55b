"""The target: what a stopped machine answers to the debugger's requests, in the order in which they come."""

from __future__ import annotations

import struct
import time
from typing import Callable, Dict, NamedTuple

from tests.kd.counts import ATTACH, Counts, mark_of
from tests.kd.faults import Faults
from tests.kd.link import Link
from tests.kd.machine import Machine
from tests.kd.memory import PAGE
from tests.kd.wire import (
    APIS,
    CHANGES,
    GO,
    MANIPULATE,
    MOST_DATA,
    RESET,
    STATE_BYTES,
    STATE_CHANGE64,
    UNANSWERED,
    Packet,
)

SUCCESS, UNSUCCESSFUL, NOT_FOUND = 0, 0xC0000001, 0xC0000225
STATE_CHANGE_BYTES = 0xF0  # DBGKD_ANY_WAIT_STATE_CHANGE
EXCEPTION_STATE, BREAKPOINT, PROCESSOR_LEVEL = 0x3030, 0x80000003, 6
FREE_BUILD, PROTOCOL, SECONDARY, HAS_DATA, MANY_PROCESSORS = 0x0F, 6, 2, 2, 1
PACKET_TYPES, STATE_CHANGES, MANIPULATIONS = 12, 3, 0x31  # the highest numbers that this target knows


class Request(NamedTuple):
    """A DBGKD_MANIPULATE_STATE64: its number, its processor, its union (40 bytes) and what lies behind."""

    api: int
    level: int
    processor: int
    body: bytes
    extra: bytes


class Target:
    """Answers one connection at a time; every request that would change the machine is counted and refused."""

    def __init__(self, machine: Machine, counts: Counts, faults: Faults) -> None:
        self._machine = machine
        self._counts = counts
        self._faults = faults
        self._list_head = machine.list_head()
        machine.memory.refused |= faults.refused
        machine.memory.dark |= {machine.memory.walk(page)[1] // PAGE for page in faults.hidden}
        self._processor = 0
        self._reads_left = faults.after_reads
        self._answers: Dict[str, Callable[[Request], None]] = {
            "GetVersion": self._version,
            "ReadVirtualMemory": self._read,
            "ReadPhysicalMemory": self._read_physical,
            "ReadControlSpace": self._read_control_space,
            "GetContext": self._context,
            "SwitchProcessor": self._switch,
            "SearchMemory": self._search,
            "QueryMemory": self._query,
        }

    def serve(self, link: Link) -> None:
        """Answers until the line is down (LineDown)."""
        self._link = link
        self._stopped = False
        while True:
            packet = link.next()
            if packet.kind == MANIPULATE:
                self._manipulate(packet)
            elif packet.kind == RESET:
                link.restart()
                link.send_control(RESET, 0)
                if self._stopped or not self._faults.running:
                    self._stop()
            elif not packet.kind and not self._stopped and not self._faults.deaf:  # a break-in
                self._stop()

    def _stop(self) -> None:
        """Says that the machine is stopped at a breakpoint instruction (DBGKD_ANY_WAIT_STATE_CHANGE)."""
        self._stopped = True
        machine, number = self._machine, self._processor
        ip = machine.wide(machine.ip(number))
        state = struct.pack(
            "<IHHIIQQ",
            EXCEPTION_STATE,
            PROCESSOR_LEVEL,
            number,
            machine.processors,
            0,
            machine.wide(machine.thread(number)),
            ip,
        )
        exception = struct.pack("<IIQQII15QII", BREAKPOINT, 0, 0, ip, 1, 0, *[0] * 15, 1, 0)
        change = state + exception + machine.control_report(number)
        self._link.send_data(STATE_CHANGE64, change.ljust(STATE_CHANGE_BYTES, b"\0"))

    def _manipulate(self, packet: Packet) -> None:
        api, level, processor, _ = struct.unpack_from("<IHHI", packet.data)
        request = Request(api, level, processor, packet.data[16:STATE_BYTES], packet.data[STATE_BYTES:])
        name = APIS.get(api, f"{api:x}")
        address, count = struct.unpack_from("<QI", request.body)
        if name == "ReadVirtualMemory" and mark_of(address):
            self._mark(request, address, count)
            return
        self._counts.now.calls[name] += 1
        self._counts.now.last = name
        if name == "SetContext":
            was = self._machine.contexts[request.processor]
            places = [hex(at) for at, byte in enumerate(request.extra) if byte != was[at]]
            self._counts.notes.append(f"context set, other bytes at {' '.join(places) or 'no place'}")
        if name in GO:
            self._stopped = False
        if name in UNANSWERED and name != "SwitchProcessor":
            return
        answer = self._answers.get(name)
        if answer is None or name in CHANGES:
            self._reply(request, UNSUCCESSFUL, request.body)
        else:
            answer(request)

    def _mark(self, request: Request, address: int, count: int) -> None:
        """Begins a section; what the mark itself costs belongs to the section before it.

        It succeeds: to a refused address of `db` the engine asks again without end.
        """
        self._reply(request, SUCCESS, struct.pack("<QII", address, count, count), bytes(count))
        self._counts.begin(mark_of(address))

    def _reply(self, request: Request, status: int, body: bytes, data: bytes = b"") -> None:
        head = struct.pack("<IHHII", request.api, request.level, request.processor, status, 0)
        self._link.send_data(MANIPULATE, head + body.ljust(40, b"\0")[:40] + data)

    def _version(self, request: Request) -> None:
        machine = self._machine
        flags = HAS_DATA | machine.shape.version_flag | (MANY_PROCESSORS if machine.processors > 1 else 0)
        version = struct.pack(
            "<HHBBHHBBBBHQQQ",
            FREE_BUILD,
            machine.minor & 0xFFFF,
            PROTOCOL,
            SECONDARY,
            flags,
            machine.kind,
            PACKET_TYPES,
            STATE_CHANGES,
            MANIPULATIONS,
            0,
            0,
            machine.wide(machine.kernel_base),
            machine.wide(machine.module_list),
            machine.wide(self._list_head),
        )
        self._reply(request, SUCCESS, version)

    def _read(self, request: Request) -> None:
        asked, count = struct.unpack_from("<QI", request.body)
        if self._fails():
            return
        found = self._machine.memory.some(asked, min(count, MOST_DATA))
        self._counts.now.reads.append((asked & self._machine.memory.mask, count, len(found)))
        self._give(request, asked, count, found)

    def _fails(self) -> bool:
        """Whether the line dies now; counts the reads of the section in which it is to."""
        section = str(self._faults.section) if self._faults.section else ATTACH
        if self._reads_left is None or self._counts.now.name != section:
            return False
        self._reads_left -= 1
        if self._reads_left >= 0:
            return False
        self._reads_left = None
        self._machine.memory.overlay.update(self._faults.changed)
        if self._faults.pressed is not None:
            self._faults.pressed.touch()
        time.sleep(self._faults.late)
        if self._faults.hang_up:
            self._link.close()
        elif self._faults.silent:
            self._link.silent = True
        elif self._faults.reset:
            self._link.restart()
            self._link.send_control(RESET, 0)
            self._stopped = False
        else:
            return False
        return True

    def _give(self, request: Request, asked: int, count: int, found: bytes) -> None:
        # The address as it was asked for: to any other the engine asks again without end.
        status = SUCCESS if len(found) == count else UNSUCCESSFUL
        self._reply(request, status, struct.pack("<QII", asked, count, len(found)), found)

    def _read_physical(self, request: Request) -> None:
        address, count = struct.unpack_from("<QI", request.body)
        self._give(request, address, count, self._machine.memory.physical(address, min(count, MOST_DATA)))

    def _read_control_space(self, request: Request) -> None:
        address, count = struct.unpack_from("<QI", request.body)
        known = request.processor < self._machine.processors
        offset = address & 0xFFFFFFFF
        found = self._machine.control_space(request.processor, offset, count) if known else b""
        self._give(request, address, count, found)

    def _context(self, request: Request) -> None:
        if request.processor < self._machine.processors:
            self._reply(request, SUCCESS, request.body, self._machine.contexts[request.processor])
        else:
            self._reply(request, UNSUCCESSFUL, request.body)

    def _switch(self, request: Request) -> None:
        """No answer: the other processor reports that it is stopped."""
        self._processor = request.processor if request.processor < self._machine.processors else 0
        self._stop()

    def _search(self, request: Request) -> None:
        address, length, pattern = struct.unpack_from("<QQI", request.body)
        index = self._machine.memory.some(address, length).find(request.extra[:pattern])
        where = self._machine.wide(address + max(0, index))
        self._reply(request, NOT_FOUND if index < 0 else SUCCESS, struct.pack("<QQI", where, length, pattern))

    def _query(self, request: Request) -> None:
        (address,) = struct.unpack_from("<Q", request.body)
        space = 2 if address >> 63 else 0  # DBGKD_QUERY_MEMORY_KERNEL
        self._reply(request, SUCCESS, struct.pack("<QQII", address, 0, space, 7))
