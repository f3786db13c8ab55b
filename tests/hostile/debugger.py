"""A debugger that prints hostile names as dbgeng 10.0.15063 does, with the interface of pykd that hogwalk uses."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import List, Sequence

from hogwalk.errors import CommandFailed, Unreadable
from hogwalk.model import Symbol
from tests.core.scenes import LIMIT, Machine, machine, usual_stack, with_thread

SETTINGS = "base is 16\nCurrent expression evaluator: MASM\n"
MODULE = re.compile(r"[^A-Za-z0-9_]")


class DbgException(Exception):
    """pykd's own."""


class _Listed:
    def __init__(self, start: int, end: int, name: str) -> None:
        self._place = start, end, name

    def begin(self) -> int:
        return self._place[0] | 0xFFFFFFFF << 32

    def end(self) -> int:
        return self._place[1] | 0xFFFFFFFF << 32

    def name(self) -> str:
        return self._place[2]


@lru_cache(maxsize=1)
def drawn() -> Machine:
    """The machine that all of them hold: 512 bytes of stack; its code cannot be read, for that is not what is tried."""
    scene = machine()
    usual_stack(scene, frames=8, size=0x20)
    with_thread(scene.target, LIMIT, LIMIT + 0x200)
    for code in (scene.nt, scene.hog):
        scene.target.forget(code.start + 0x1000, code.start + code.size)
    return scene


class Debugger:
    """pykd over the usual drawn machine, whose driver has hostile names; `ran` are the commands it got.

    `names` are the driver's file, its company, its product and, in turn, its functions.
    """

    DbgException = DbgException

    def __init__(self, names: Sequence[str]) -> None:
        self.file, self.company, self.product, *self.functions = names
        self.scene = drawn()
        self.short = MODULE.sub("_", self.file.rsplit(".", 1)[0])[:64]
        self.ran: List[str] = []
        self._messages = True

    def isKernelDebugging(self) -> bool:  # noqa: N802 - pykd's name
        return True

    def isDumpAnalyzing(self) -> bool:  # noqa: N802 - pykd's name
        return True

    def getCPUMode(self) -> str:  # noqa: N802 - pykd's name
        return "CPUType.I386"

    getCPUType = getCPUMode  # noqa: N815 - pykd's name

    def ptrSize(self) -> int:  # noqa: N802 - pykd's name
        return 4

    def pageSize(self) -> int:  # noqa: N802 - pykd's name
        return 4096

    def breakin(self) -> None:
        """Nothing to interrupt: a dump."""

    def bugCheckData(self) -> Sequence[int]:  # noqa: N802 - pykd's name
        return 0x7F, 8, 0, 0, 0

    def addr64(self, address: int) -> int:
        return address | 0xFFFFFFFF << 32

    def loadBytes(self, address: int, count: int) -> List[int]:  # noqa: N802 - pykd's name
        try:
            return list(self.scene.target.read(address & 0xFFFFFFFF, count))
        except Unreadable as error:
            raise DbgException(str(error)) from error

    def loadWChars(self, address: int, count: int) -> str:  # noqa: N802 - pykd's name
        return bytes(self.loadBytes(address, 2 * count)).decode("utf-16-le", "surrogatepass")

    def getModulesList(self) -> List[_Listed]:  # noqa: N802 - pykd's name
        return [_Listed(code.start, code.end, self._short(code.name)) for code in self.scene.target.modules()]

    def dbgCommand(self, text: str, *_: object) -> str:  # noqa: N802 - pykd's name
        self.ran.append(text)
        return "".join(self._answer(part) for part in (text.split(";") if text.startswith(("lmv", "dt")) else [text]))

    def _short(self, name: str) -> str:
        return self.short if name == "hog" else name

    def _answer(self, text: str) -> str:
        if text == "? (@$thread)":
            return f"Evaluate expression: 0 = {self.scene.target.thread() or 0:08x}\n"
        if text == "lm":
            return "start    end        module name\n" + "".join(self._row(start) for start in self._starts())
        if text.startswith("lmv a "):
            return self._details(int(text[6:], 16))
        if text.startswith(".foreach"):
            return self._symbols([int(word, 16) for word in text.split('"')[1].split()])
        if text.startswith(".echo "):
            return f"{text[6:]}\n"
        if text == "dt nt!_KTHREAD":
            return "   +0x01c StackLimit : Ptr32 Void\n   +0x158 StackBase : Ptr32 Void\n"
        try:
            return self._named(self.scene.target.command(text))
        except CommandFailed as error:
            return SETTINGS if text.endswith("n; .expr") else f"{error.wrong}\n"

    def _starts(self) -> List[int]:
        return [module.start for module in self.scene.target.modules()]

    def _row(self, start: int) -> str:
        (code,) = [module for module in self.scene.target.modules() if module.start == start]
        file = self.file if code.name == "hog" else f"{code.name}.exe"
        state = f"(deferred)             {file if not self._messages else ''}"
        return f"{code.start:08x} {code.end:08x}   {self._short(code.name)}   {state}\n"

    def _details(self, start: int) -> str:
        if start not in self._starts():
            return "start    end        module name\n"
        evil = start == self.scene.hog.start
        path, company, product = (self.file, self.company, self.product) if evil else ("nt.exe", "Microsoft", "Windows")
        pairs = {"Image path": path, "Image name": path, "CompanyName": company, "ProductName": product}
        told = "".join(f"    {key}:      {value}\n" for key, value in pairs.items())
        return "start    end        module name\n" + self._row(start) + told

    def _symbols(self, addresses: Sequence[int]) -> str:
        lines: List[str] = []
        for address, symbol in zip(addresses, self.scene.target.symbols(addresses)):
            if symbol is not None and symbol.module == "hog" and self._messages:
                self._messages = False
                lines.append(
                    f"*** ERROR: Symbol file could not be found.  Defaulted to export symbols for {self.file} - "
                )
            lines.append(f"{address:08x}" if symbol is None else f"{self._text(symbol)} ({address:08x})")
        return "\n".join(lines) + "\n"

    def _text(self, symbol: Symbol) -> str:
        if symbol.module != "hog":
            return symbol.text()
        return f"{self.short}!{self._function(symbol.name)}+0x{symbol.displacement:x}"

    def _function(self, drawn_name: str) -> str:
        return self.functions[sum(map(ord, drawn_name)) % len(self.functions)]

    def _named(self, rows: str) -> str:
        return re.sub(r"hog!(\w+)", lambda found: f"{self.short}!{self._function(found[1])}", rows)
