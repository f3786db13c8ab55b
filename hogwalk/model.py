"""The records that travel between the rooms: plain, frozen, without behaviour beyond derived facts.

Addresses are plain ints (an address is compared with `is None`, never by truth); intervals are half open,
low address first; sizes are bytes.  Texts are printable: a record that is made of a target's text escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple

from hogwalk.machine.windows import BUGCHECK_SAME, DOUBLE_FAULT
from hogwalk.machine.words import Words, words_of
from hogwalk.printable import printable


class _Shown:  # a record whose texts come from a target
    __slots__ = ()

    def __post_init__(self) -> None:
        for name, value in self.__dict__.items():
            if isinstance(value, str) and not value.isprintable():
                object.__setattr__(self, name, printable(value))


@dataclass(frozen=True)
class BugCheck:
    """The bug check code and its four arguments."""

    code: int
    arguments: Tuple[int, ...]

    @property
    def plain(self) -> int:
        """The code as it is documented."""
        return self.code & ~BUGCHECK_SAME

    @property
    def double_fault(self) -> bool:
        """Whether it is the double fault of a stack that cannot take a trap frame any more (7F with 8)."""
        return (self.plain, *self.arguments[:1]) == DOUBLE_FAULT


@dataclass(frozen=True)
class Raised:
    """An exception: its code, the address of the memory it wanted, and the id of its thread (None: not known)."""

    code: int
    access: Optional[int] = None
    identifier: Optional[int] = None


@dataclass(frozen=True)
class About(_Shown):
    """What kind of target this is.

    `kind` is one of "kernel dump", "live kernel", "user dump", "live user", "text";
    `machine` is "x86", "x64", "arm" or "arm64"; `source` names the file or connection, "" when unknown; `raised` is
    the exception that a program died of, or by its dump's header the kernel.
    """

    kind: str
    machine: str
    pointer_bytes: int
    page_bytes: int
    bugcheck: Optional[BugCheck]
    source: str
    raised: Optional[Raised] = None

    @property
    def words(self) -> Words:
        """The size, mask and places of this machine's stack words."""
        return words_of(self.machine, self.pointer_bytes)

    @property
    def kernel(self) -> bool:
        """Whether the stacks are kernel stacks."""
        return self.kind != "user dump" and self.kind != "live user"

    @property
    def live(self) -> bool:
        """Whether the machine is there now: its memory changes, and every read goes over a wire."""
        return self.kind.startswith("live")


@dataclass(frozen=True)
class Module(_Shown):
    """A loaded module, [start, end); `symbols` is "pdb", "coff", "export", "none" or "deferred"."""

    name: str
    start: int
    end: int
    symbols: str


@dataclass(frozen=True)
class FrameLayout:
    """What FPO or frame data (x86) or unwind codes (x64) say of the stack in a function's body, all in bytes.

    EBP stands for RBP, too.  `depth` counts from ESP, where no arguments are pushed, up to the return slot (None: only
    EBP tells), `parameters` what callers push above that; `frame_ebp` counts from EBP up to the return slot (None: EBP
    is no frame pointer), `saved_ebp` from where the caller's EBP is saved (None: not known), which `ebp_kept` still is.
    """

    depth: Optional[int]
    parameters: int
    frame_ebp: Optional[int]
    saved_ebp: Optional[int]
    ebp_kept: bool


@dataclass(frozen=True)
class Symbol(_Shown):
    """The nearest symbol at or below an address; `name` is "" where the module has no symbol for it.

    `module` is "" where only the function is known: the extensions of NT 4 and 2000 print names alone.
    `displacement` counts bytes from the symbol, or from the module's start when there is no symbol.
    """

    module: str
    name: str
    displacement: int

    def text(self) -> str:
        """The symbol as the debugger prints it: `nt!IofCallDriver+0x45`, `BabyHog+0x1196`."""
        base = self.start
        return f"{base}+0x{self.displacement:x}" if self.displacement else base

    @property
    def start(self) -> str:
        """The symbol itself: `nt!IofCallDriver`."""
        return f"{self.module}!{self.name}" if self.name and self.module else self.name or self.module


@dataclass(frozen=True)
class Version(_Shown):
    """A module's version resource, "" where silent; `linked`: seconds since 1970 (UTC), None: unknown or a hash."""

    company: str
    product: str
    description: str
    file_version: str
    linked: Optional[int] = None


@dataclass(frozen=True)
class Process(_Shown):
    """A process: its _EPROCESS, its image's file name ("" when unknown) and version resource (None likewise)."""

    address: int
    image: str
    version: Optional[Version] = None


@dataclass(frozen=True)
class Registers(_Shown):
    """The registers a context, a TSS or a trap frame holds; `source` says which ("TSS 28", "the dump's header").

    `chosen`: the user made the debugger show them (.cxr, .trap, .tss, .thread); they are not its own default.
    """

    ip: int
    sp: int
    bp: int
    source: str
    chosen: bool = False


@dataclass(frozen=True)
class ThreadStack(_Shown):
    """One thread's stack [limit, base), None where the source does not say.

    `thread` is its _KTHREAD or TEB, `process` its program's file name ("": unknown), `pointer` the stack pointer it was
    left with (None: it ran, or unknown); not `bounded`: only a saved piece of the stack is known.
    """

    thread: int
    identifier: Optional[int]
    process: str
    limit: Optional[int]
    base: Optional[int]
    pointer: Optional[int]
    bounded: bool = True


@dataclass(frozen=True)
class Region(_Shown):
    """A thread's stack, [limit, base), where these came from; `reserved`: how far down a user stack may grow."""

    limit: int
    base: int
    thread: Optional[int]
    source: str
    reserved: Optional[int] = None

    @property
    def size(self) -> int:
        """Bytes from Limit to Base."""
        return self.base - self.limit

    def __contains__(self, address: int) -> bool:
        return self.limit <= address < self.base


RECORDED_STACK = "the stack the dump records"  # a region's source: it begins at the stack pointer, not at Limit


@dataclass(frozen=True)
class Triple:
    """A start for `kf = BasePtr StackPtr InstructionPtr`; `base_ptr` is None where kf takes the other two alone."""

    base_ptr: Optional[int]
    stack_ptr: int
    instruction_ptr: int


class Trust(Enum):
    """How well a frame's return address is borne out, best first; the value is what reports print."""

    LINKED = "linked"  # the call before it targets the very function that runs in this frame
    CALL = "call"  # a call instruction ends right before it; its target is not known
    TRAP = "trap"  # not a call but a trap frame or a system-call entry
    PLAIN = "plain"  # inside a module's code, but no call before it
    UNREAD = "unread"  # inside a module whose code cannot be read
    NONE = "none"  # in no module, or off the stack


class Source(Enum):
    """Who found a frame."""

    KF = "kf"
    HOGWALK = "hogwalk"
    BOTH = "both"


@dataclass(frozen=True)
class Frame:
    """One frame of a walk.

    `frame_ptr` is kf's ChildEBP; `return_slot` (ChildEBP+4 on x86) holds `return_address`; `instruction` runs in this
    frame (the newer frame's return address, or the triple's InstructionPtr), `symbol` names it (None: it lies in no
    module); `bytes` reach to the newer frame's return slot (None: the first frame, or off the stack).  On x64
    `frame_ptr` is Child-SP, `bytes` reach from it to the next Child-SP, and `end` is that where the processor pushed
    more than a return address (None: the frame ends right above its return slot).
    """

    frame_ptr: Optional[int]
    return_slot: int
    return_address: int
    instruction: int
    bytes: Optional[int]
    symbol: Optional[Symbol]
    source: Source
    trust: Trust
    end: Optional[int] = None
    running: bool = False

    def top(self, word: int) -> int:
        """The first address above the frame; `word` is the size of a stack word in bytes."""
        return self.return_slot + word if self.end is None else self.end


@dataclass(frozen=True)
class PrintedRow:
    """One row of a stack table that a text shows; None where it says nothing, all of them where it cannot be read.

    `frame_ptr` is ChildEBP or Child-SP, `running` the address that runs in the row, that of a trap frame with `trap`.
    An `inline` row has no frame of its own; `lost`: rows are missing right before this one.
    """

    frame_ptr: Optional[int]
    return_address: Optional[int]
    symbol: Optional[Symbol]
    running: Optional[int] = None
    inline: bool = False
    trap: bool = False
    lost: bool = False


@dataclass(frozen=True)
class PrintedWalk(_Shown):
    """A debugger's stack table as a text shows it.

    `command` printed it ("" when the text does not say), from `triple` where it names one.  `stacks` are its rows by
    the stack they lie on, each newest first, that of `region` first of all; `unplaced` rows print no frame pointer.
    `remarks` are the debugger's own, `others` name the text's other tables, each with the option that chooses it.
    `bounded`: the text states the Base of `region`, which else ends with the last row's page.  `asked`: the command
    line names the table.
    """

    command: str
    triple: Optional[Triple]
    region: Region
    stacks: Tuple[Tuple[PrintedRow, ...], ...]
    unplaced: Tuple[PrintedRow, ...]
    remarks: Tuple[str, ...]
    others: Tuple[str, ...]
    bounded: bool
    asked: bool = False
