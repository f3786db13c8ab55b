"""A target made of plain bytes: modules, memory and symbols that a test writes down."""

from __future__ import annotations

from typing import Dict, Optional, Sequence, Tuple

from hogwalk.errors import Unreadable
from hogwalk.model import About, BugCheck, Module, Symbol
from hogwalk.targets.null import NullTarget
from hogwalk.walk.evidence import Evidence, Request, gather

PAGE = 0x1000
# A stack probe as every Microsoft compiler's runtime has it: EAX bytes, page by page.
CHKSTK = "518d4c24042bc81bc0f7d023c88bc42500f0ffff3bc8720a8bc159948b00890424c32d001000008500ebe9"


class Machine(NullTarget):
    """An x86 kernel target; memory that was never written cannot be read, the rest of a written page is `fill`."""

    def __init__(
        self,
        modules: Sequence[Module],
        symbols: Optional[Dict[int, Symbol]] = None,
        bugcheck: Optional[BugCheck] = None,
        fill: bytes = b"\xcc",
    ) -> None:
        self._modules = tuple(sorted(modules, key=lambda module: module.start))
        self._symbols = symbols or {}
        self._bugcheck = bugcheck
        self._fill = fill
        self._pages: Dict[int, bytearray] = {}

    def write(self, address: int, data: bytes) -> None:
        """Puts bytes at an address."""
        for at, byte in enumerate(data, address):
            self._pages.setdefault(at // PAGE, bytearray(self._fill * PAGE))[at % PAGE] = byte

    def write_words(self, address: int, words: Sequence[int]) -> None:
        """Puts 32-bit words at an address."""
        self.write(address, b"".join(word.to_bytes(4, "little") for word in words))

    def about(self) -> About:
        return About("kernel dump", "x86", 4, PAGE, self._bugcheck, "")

    def read(self, address: int, count: int) -> bytes:
        found = bytearray()
        for at in range(address, address + count):
            page = self._pages.get(at // PAGE)
            if page is None:
                raise Unreadable(address, count)
            found.append(page[at % PAGE])
        return bytes(found)

    def modules(self) -> Tuple[Module, ...]:
        return self._modules

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        return tuple(self._symbol(address) for address in addresses)

    def _symbol(self, address: int) -> Optional[Symbol]:
        if address in self._symbols:
            return self._symbols[address]
        for module in self._modules:
            if module.start <= address < module.end:
                return Symbol(module.name, "", address - module.start)
        return None

    def evidence(self, limit: int, base: int) -> Evidence:
        """Everything hogwalk gathers about the stack [limit, base)."""
        return gather(self, Request(limit=limit, base=base), lambda _: None)
