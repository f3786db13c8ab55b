"""What a mail's transfer encoding makes of the lines of a text, undone: quoted-printable and base64 (RFC 2045)."""

from __future__ import annotations

import binascii
import quopri
import re
from typing import Iterable, List

SIGN = b"ransfer-"  # of "Content-Transfer-Encoding:", whatever its case
_HEADER = re.compile(rb"content-transfer-encoding:\s*([\w-]+)\s*$", re.IGNORECASE)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{2,}={0,2}\s*$")
QUAD = 4  # characters of base64 hold three bytes
LONGEST_JOINED = 1 << 16  # bytes of a line, with the soft line breaks in it


class Mail:
    """Decodes the lines of one text, in pieces of any size; without a mail's header they stay as they are."""

    def __init__(self) -> None:
        self._encoding = ""
        self._body = False  # whether the blank line behind the header has come
        self._open = b""  # what goes on on the next line

    def lines(self, raw: Iterable[bytes]) -> List[bytes]:
        """The lines decoded; one that is not at its end yet is kept for the next call."""
        found: List[bytes] = []
        for line in raw:
            header = _HEADER.match(line)
            if header is not None:
                found.extend(self.rest())
                self._encoding, self._body = header.group(1).lower().decode("ascii"), False
            elif self._encoding == "quoted-printable" and self._body:
                self._quoted(line, found)
                continue
            elif self._encoding == "base64" and self._body and _BASE64.match(line):
                self._base64(line.strip(), found)
                continue
            elif not line.strip():
                self._body = True
            else:
                found.extend(self.rest())
            found.append(line)
        return found

    def rest(self) -> List[bytes]:
        """What no further line goes on."""
        rest, self._open = self._open, b""
        if not rest:
            return []
        return quopri.decodestring(rest).split(b"\n") if self._encoding == "quoted-printable" else rest.split(b"\n")

    def _quoted(self, line: bytes, found: List[bytes]) -> None:
        whole = self._open + line.rstrip()
        if whole.endswith(b"=") and len(whole) < LONGEST_JOINED:
            self._open = whole[:-1]
        else:
            self._open = b""
            found.extend(quopri.decodestring(whole).split(b"\n"))

    def _base64(self, line: bytes, found: List[bytes]) -> None:
        try:
            text = self._open + binascii.a2b_base64(line[: len(line) // QUAD * QUAD])
        except binascii.Error:
            found.append(line)
            return
        *whole, self._open = text.split(b"\n")
        found.extend(whole)
