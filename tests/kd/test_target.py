"""The target by itself: its memory is the dump's, and it speaks the protocol to a debugger made of a socket."""

from __future__ import annotations

import socket
import struct
from typing import Iterator, Tuple

import pytest

from hogwalk.targets.dump import open_dump
from tests.kd.counts import MARK, mark_of
from tests.kd.faults import Faults
from tests.kd.machine import Machine, opened, second_processor_of
from tests.kd.pae import with_pae
from tests.kd.serve import Served, served, serving
from tests.kd.wire import (
    ACK,
    APIS,
    CHANGES,
    FIRST_ID,
    MANIPULATE,
    RESEND,
    RESET,
    STATE_CHANGE64,
    SYNC,
    Incoming,
    LineDown,
    Packet,
    control_packet,
    data_packet,
)
from tests.stackhog import DUMP, SYMBOLS

STACK, STACK_BYTES = 0xB8AE6000, 0x3000
NUMBERS = {name: number for number, name in APIS.items()}
SECONDS = 20.0


class Debugger:
    """The other side: asks, acknowledges what it is answered."""

    def __init__(self, one: Served) -> None:
        self._socket = socket.create_connection(("127.0.0.1", one.port), SECONDS)
        self._incoming = Incoming(self._socket.recv)
        self._id = FIRST_ID

    def send(self, packet: bytes) -> None:
        self._socket.sendall(packet)

    def next(self) -> Packet:
        came = self._incoming.next()
        assert isinstance(came, Packet)
        return came

    def connect(self) -> Packet:
        """The state change that a reset brings."""
        self.send(control_packet(RESET, 0))
        assert self.next().kind == RESET
        state = self.next()
        self.send(control_packet(ACK, state.ident & ~SYNC))
        return state

    def request(self, name: str, body: bytes = b"") -> Tuple[int, bytes, bytes]:
        """The status, union and data of an answer."""
        self.send(data_packet(MANIPULATE, self._id, struct.pack("<IHHII", NUMBERS[name], 6, 0, 0, 0) + body.ljust(40)))
        self._id ^= 1
        assert self.next().kind == ACK
        answer = self.next()
        self.send(control_packet(ACK, answer.ident))
        api, _, _, status, _ = struct.unpack_from("<IHHII", answer.data)
        assert (answer.kind, api) == (MANIPULATE, NUMBERS[name])
        return status, answer.data[16:56], answer.data[56:]

    def read(self, address: int, count: int) -> bytes:
        """What can be read of some bytes."""
        return self.request("ReadVirtualMemory", struct.pack("<QI", address, count))[2]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def debugger() -> Iterator[Tuple[Debugger, Served]]:
    with serving(DUMP, Faults(refused=frozenset((STACK + 0x1000,)))) as one:
        asking = Debugger(one)
        yield asking, one
        asking.close()


def test_the_memory_is_the_dumps_own() -> None:
    memory, target = opened(DUMP).memory, open_dump(str(DUMP), str(SYMBOLS))
    assert memory.read(STACK, STACK_BYTES) == target.read(STACK, STACK_BYTES)
    for module in target.modules():
        assert memory.read(module.start, 0x1000) == target.read(module.start, 0x1000)


def test_pae_shows_the_same_pages_by_other_tables() -> None:
    classic, pae = Machine(DUMP.read_bytes()), Machine(with_pae(DUMP.read_bytes()))
    assert pae.memory.read(STACK, STACK_BYTES) == classic.memory.read(STACK, STACK_BYTES)
    pages = classic.memory.pages()
    changed = [page for page, content in pages.items() if pae.memory.page(page) != content]
    assert len(pages) > 80
    assert len(changed) <= 3  # where KPRCB, the data block and the process say that there is PAE
    assert pae.memory.directory & 0xFFF == 0x20


def test_a_state_change_names_the_thread_and_the_place(debugger: Tuple[Debugger, Served]) -> None:
    state = debugger[0].connect()
    new_state, _, number, processors, _, thread, ip = struct.unpack_from("<IHHIIQQ", state.data)
    machine = opened(DUMP)
    assert (state.kind, state.ident, len(state.data)) == (STATE_CHANGE64, FIRST_ID | SYNC, 0xF0)
    assert (new_state, number, processors) == (0x3030, 0, 1)
    assert (thread & 0xFFFFFFFF, ip & 0xFFFFFFFF) == (machine.thread(0), machine.ip(0))
    assert thread >> 32 == 0xFFFFFFFF


def test_reads_give_what_there_is_and_are_counted(debugger: Tuple[Debugger, Served]) -> None:
    asking, one = debugger
    asking.connect()
    memory = opened(DUMP).memory
    assert asking.read(0xFFFFFFFF00000000 | STACK, 0x100) == memory.read(STACK, 0x100)
    assert asking.read(STACK + 0xF80, 0x100) == memory.read(STACK + 0xF80, 0x80)  # up to the refused page
    assert asking.read(STACK + 0x1000, 4) == b""
    status, body, found = asking.request("ReadVirtualMemory", struct.pack("<QI", STACK, 0x3000))
    assert (status, len(found), struct.unpack_from("<QII", body)) == (0xC0000001, 3944, (STACK, 0x3000, 3944))
    now = one.counts.now
    assert (now.calls["ReadVirtualMemory"], now.failed, now.memory) == (4, 3, 0x100 + 0x80 + 3944)
    assert now.again == 0x100  # an answer ends before the third read began


def test_a_refused_page_is_refused_by_its_entry_too(debugger: Tuple[Debugger, Served]) -> None:
    asking, _ = debugger
    asking.connect()
    memory = opened(DUMP).memory
    for page, present in ((STACK + 0x1000, 0), (STACK, 1)):
        _, slot = memory.walk(page)
        entry = asking.request("ReadPhysicalMemory", struct.pack("<QI", slot, 4))[2]
        assert entry[0] & 1 == present


@pytest.mark.parametrize("name", ["WriteVirtualMemory", "SetContext", "WriteBreakPoint", "WriteControlSpace"])
def test_what_would_change_the_machine_is_refused_and_told(debugger: Tuple[Debugger, Served], name: str) -> None:
    asking, one = debugger
    asking.connect()
    assert name in CHANGES
    status, _, _ = asking.request(name, struct.pack("<QI", STACK, 4))
    assert status == 0xC0000001
    assert one.counts.changes() == {name: 1}


def test_breakpoints_may_be_cleared_at_the_attachment_only(debugger: Tuple[Debugger, Served]) -> None:
    asking, one = debugger
    asking.connect()
    asking.request("RestoreBreakPoint")
    assert one.counts.changes() == {}
    assert asking.read(MARK + 0x1000, 1) == b"\0"
    asking.request("RestoreBreakPoint")
    assert one.counts.changes() == {"RestoreBreakPoint": 1}
    assert [section.name for section in one.counts.sections] == ["attach", "1"]


def test_marks() -> None:
    assert [mark_of(MARK + 0x3000), mark_of(0xFFFFFFFF00000000 | MARK + 0x1000)] == [3, 1]
    assert [mark_of(address) for address in (MARK, MARK + 0x1004, STACK, 0x1EE001000)] == [0, 0, 0, 0]


def test_a_spoilt_packet_is_asked_for_again(debugger: Tuple[Debugger, Served]) -> None:
    asking, _ = debugger
    asking.connect()
    packet = data_packet(MANIPULATE, FIRST_ID, struct.pack("<IHHII", NUMBERS["GetVersion"], 6, 0, 0, 0) + bytes(40))
    asking.send(packet[:20] + b"\x55" + packet[21:])
    assert asking.next().kind == RESEND
    assert asking.request("GetVersion")[0] == 0


def test_what_is_not_acknowledged_is_sent_again() -> None:
    with serving(DUMP, Faults(retry=0.05)) as one:
        asking = Debugger(one)
        asking.send(control_packet(RESET, 0))
        assert asking.next().kind == RESET
        first, second = asking.next(), asking.next()
        assert first == second
        assert first.kind == STATE_CHANGE64
        asking.close()


def test_a_line_that_hangs_up_does_so_in_its_section_only() -> None:
    with serving(DUMP, Faults(after_reads=1, hang_up=True)) as one:
        asking = Debugger(one)
        asking.connect()
        for _ in range(3):
            asking.read(STACK, 4)
        asking.read(MARK + 0x1000, 1)
        assert len(asking.read(STACK, 4)) == 4
        with pytest.raises(LineDown):
            asking.read(STACK, 4)
        asking.close()


def test_memory_may_change_between_two_reads() -> None:
    with serving(DUMP, Faults(after_reads=1, section=1, changed=((STACK, b"live"),))) as one:
        asking = Debugger(one)
        asking.connect()
        asking.read(MARK + 0x1000, 1)
        before = asking.read(STACK, 4)
        assert asking.read(STACK, 4) == b"live" != before
        asking.close()


def test_a_second_processor_stops_elsewhere() -> None:
    machine = opened(DUMP)
    at, ip, sp = second_processor_of(machine)
    machine.add_processor(at, ip + 1, sp)
    with served(machine) as one:
        asking = Debugger(one)
        (processors,) = struct.unpack_from("<8xI", asking.connect().data)
        assert processors == 2
        assert machine.ip(1) == machine.ip(0) + 1
        assert machine.word(machine.prcbs[1] - machine.shape.pcr_to_prcb + machine.shape.pcr_self) == at
        asking.close()
