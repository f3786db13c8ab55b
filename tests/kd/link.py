"""One connection: acknowledges, resends, and is as slow and as lossy as it is made."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import List, Optional, Tuple

from tests.kd.counts import BITS_A_BYTE, Counts
from tests.kd.faults import Faults
from tests.kd.wire import (
    ACK,
    CONTROL,
    FIRST_ID,
    RESEND,
    SYNC,
    BreakIn,
    Incoming,
    LineDown,
    Packet,
    control_packet,
    data_packet,
)

SPOILT_AT = 40  # a byte well inside the data


class Link:
    """Sends data packets one at a time, each when the one before it is acknowledged."""

    def __init__(self, connection: socket.socket, counts: Counts, faults: Faults) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._counts = counts
        self._faults = faults
        self._incoming = Incoming(self._receive)
        self._sent = 0
        self.silent = False
        self.restart()

    def restart(self) -> None:
        """Begins the ids anew, as after a RESET."""
        self._next_id, self._expected = FIRST_ID | SYNC, FIRST_ID
        self._unacknowledged: Optional[Tuple[int, bytes]] = None
        self._waiting: List[Tuple[int, bytes]] = []

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def next(self) -> Packet:
        """The next packet that says something new; a break-in is a packet of kind BREAK_IN's, with good False.

        Raises LineDown at the end.
        """
        while True:
            came = self._incoming.next()
            if isinstance(came, BreakIn):
                self._counts.now.bytes += 1
                return Packet(CONTROL, 0, 0, b"", False)
            self._counts.packet(came.size)
            self._delay(came.size)
            if self.silent:
                continue
            if came.leader == CONTROL:
                if came.kind not in (ACK, RESEND):
                    return came
                self._control(came)
            elif not came.good:
                self.send_control(RESEND, 0)
            elif self._is_new(came):
                return came

    def _control(self, packet: Packet) -> None:
        if self._unacknowledged is None:
            return
        if packet.kind == RESEND:
            self._write(self._unacknowledged[1])
        elif packet.ident & ~SYNC == self._unacknowledged[0] & ~SYNC:
            self._unacknowledged = None
            self._next_id = (self._next_id & ~SYNC) ^ 1
            if self._waiting:
                self._send(*self._waiting.pop(0))

    def _is_new(self, packet: Packet) -> bool:
        if self._unacknowledged is not None:
            # It asks although our last packet has no ack: that one got lost, and a target sends it once more.
            self._write(self._unacknowledged[1])
            return False
        self.send_control(ACK, packet.ident & ~SYNC)
        if packet.ident & ~SYNC != self._expected:
            return False
        self._expected ^= 1
        return True

    def send_control(self, kind: int, ident: int) -> None:
        self._write(control_packet(kind, ident))

    def send_data(self, kind: int, data: bytes) -> None:
        """Sends now, or when what was sent before is acknowledged."""
        if self._unacknowledged is not None or self._waiting:
            self._waiting.append((kind, data))
        else:
            self._send(kind, data)

    def _send(self, kind: int, data: bytes) -> None:
        packet = data_packet(kind, self._next_id, data)
        self._unacknowledged = self._next_id, packet
        self._write(packet)

    def _receive(self, count: int) -> bytes:
        while True:
            self._connection.settimeout(None if self._unacknowledged is None else self._faults.retry)
            try:
                return self._connection.recv(count)
            except socket.timeout:
                if not self.silent and self._unacknowledged is not None:
                    self._write(self._unacknowledged[1])
            except OSError as error:
                raise LineDown from error

    def _write(self, packet: bytes) -> None:
        self._counts.packet(len(packet))
        self._delay(len(packet))
        self._sent += 1
        faults, number = self._faults, self._sent - self._faults.after_packets
        if faults.lose_every and number > 0 and number % faults.lose_every == 0:
            self._counts.notes.append("lost")
            return
        if faults.spoil_every and number > 0 and number % faults.spoil_every == 0 and len(packet) > SPOILT_AT + 1:
            self._counts.notes.append("spoilt")
            packet = packet[:SPOILT_AT] + bytes([packet[SPOILT_AT] ^ 0xFF]) + packet[SPOILT_AT + 1 :]
        try:
            self._connection.sendall(packet)
        except OSError as error:
            raise LineDown from error

    def _delay(self, count: int) -> None:
        pause = self._faults.latency + (count * BITS_A_BYTE / self._faults.baud if self._faults.baud else 0.0)
        if pause:
            time.sleep(pause)
