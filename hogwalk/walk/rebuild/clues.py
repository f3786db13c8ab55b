"""The clues a walk is fused from, one row each: its bit in a mask, its group, the words that reports print, its prior.

A prior is a guess from before any fit, as natural log-likelihood: what the fits start from and are held to
(tests/rebuild/train.py), and the weight that stays where no training case shows the clue.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from functools import lru_cache


class Group(Enum):
    """What the clues of one group judge; their weights are fitted together, as what one gains another loses."""

    SLOT = "what the return slot itself is"
    LOOKS = "its looks, where the depth is open"
    TARGET = "the call at the older slot against the function that runs"
    DEPTH = "the distance between the two slots against the code's stack depth"
    EBP = "EBP and the saved EBPs"
    DISTANCE = "the distance in bytes, where the depth is open"
    PASSED = "what lies between the two slots"
    LOST = "from the first candidate behind overwritten bytes to the one that is stepped to"
    BRIDGE = "traps, and pages that cannot be read"
    MODULE = "the two modules, where code cannot be read"
    REPEAT = "the same return addresses elsewhere on this stack"
    SHADOW = "the shadow stack"
    START = "where the walk starts"
    END = "where it ends"


class Clue(IntEnum):
    """One observation about a return slot, about two neighbouring ones, or about where a walk starts and ends."""

    group: Group
    words: str
    prior: float

    def __new__(cls, bit: int, group: Group, text: str, prior: float = 0.0) -> Clue:
        """A row of the table below."""
        clue = int.__new__(cls, 1 << bit)
        clue._value_ = 1 << bit
        clue.group, clue.words, clue.prior = group, text, prior
        return clue

    CALL = 0, Group.SLOT, "a call ends right before it"
    UNREAD = 1, Group.SLOT, "its code cannot be read"
    CALLED = 122, Group.SLOT, "the log shows a call before it"
    TRAP_FRAME = 2, Group.SLOT, "a trap frame holds it"
    SYSTEM_CALL = 3, Group.SLOT, "a system call enters the kernel before it"
    KF = 4, Group.SLOT, "kf shows it too", 6.0
    FOREIGN = 115, Group.SLOT, "it lies in no module: generated code perhaps", -1.0
    AT_POINTER = 103, Group.SLOT, "the stack pointer points to it", 1.0
    POINTED_AT = 5, Group.LOOKS, "a word further down points to this frame as a saved EBP does"
    SAVED_EBP = 6, Group.LOOKS, "the word below it points to another frame as a saved EBP does"
    ALIGNED = 7, Group.LOOKS, "it is a multiple of 16, as a function's start is", -1.0
    ALIGNED_8 = 100, Group.LOOKS, "it is a multiple of 8, as a pointer to data is"
    RETURNED_TO = 124, Group.LOOKS, "unwind data lead to the same return address elsewhere"
    CROWDED = 160, Group.LOOKS, "another word points to less than 5 bytes from it, where no other call ends", -3.0
    TEXT = 68, Group.LOOKS, "it reads as text", -4.0
    AT_START = 77, Group.LOOKS, "it points to a function's start", -4.0
    LATE = 78, Group.LOOKS, "it points to the last quarter of a large module, where data lie", -1.0
    REACHED = 8, Group.TARGET, "the call targets the running function", 3.0
    STARTED = 9, Group.TARGET, "the call targets the running function's start", 2.0
    NEAR_TARGET = 10, Group.TARGET, "the call targets code shortly below the running address", 2.0
    FARTHER_TARGET = 108, Group.TARGET, "the call targets code further below the running address"
    TAIL_REACHED = 11, Group.TARGET, "the call targets a function that jumps on into the running one", 2.8
    TAIL_POSSIBLE = 12, Group.TARGET, "the call targets a function whose end cannot be read", -0.5
    OTHER_TARGET = 13, Group.TARGET, "the call names another function", -6.0
    ELSEWHERE_TARGET = 127, Group.TARGET, "the call targets code that is not known to be the running function's"
    OTHER_EXACT = 112, Group.TARGET, "the call names another function, which may have jumped on"
    OTHER_KEPT = 158, Group.TARGET, "the registers kept since the call show that another function was called"
    ANY_TARGET = 14, Group.TARGET, "only run time knows what the call targets"
    TABLE_TARGET = 15, Group.TARGET, "the driver object's dispatch table names the running function", 3.0
    NO_TABLE_TARGET = 16, Group.TARGET, "the driver object's dispatch table does not name the running function", -3.0
    DEPTH = 17, Group.DEPTH, "the stack depth at the call predicts this slot", 3.0
    DEPTH_ALONE = 18, Group.DEPTH, "the stack depth at the call predicts this slot", 1.0
    DEPTH_LIKELY = 19, Group.DEPTH, "the most likely stack depth predicts this slot", 2.0
    DEPTH_POSSIBLE = 20, Group.DEPTH, "a possible stack depth predicts this slot", 1.0
    DEPTH_AT_LEAST = 21, Group.DEPTH, "an alloca leaves the stack depth open"
    DEPTH_OTHER = 22, Group.DEPTH, "the stack depth predicts another slot", -8.0
    DEPTH_NOWHERE = 140, Group.DEPTH, "the stack depth predicts a slot that holds no return address", -8.0
    DEPTH_OTHER_LIKELY = 23, Group.DEPTH, "the most likely stack depth predicts another slot", -3.0
    DEPTH_UNKNOWN = 24, Group.DEPTH, "the stack depth at the call is not known"
    DEPTH_UNREAD = 25, Group.DEPTH, "the stack depth at the call is in code that cannot be read"
    DEPTH_TOLD = 64, Group.DEPTH, "the function's frame data and the arguments pushed predict this slot", 3.0
    DEPTH_STARTED = 113, Group.DEPTH, "unwound from the start's registers"
    CHAINED = 26, Group.EBP, "the saved EBP points to this frame", 3.0
    CHAIN_BROKEN = 27, Group.EBP, "the saved EBP points elsewhere", -2.0
    EBP_KEPT_WELL = 28, Group.EBP, "the EBP that the function called saved points above its frame"
    EBP_KEPT_BADLY = 29, Group.EBP, "the EBP that the function called saved points into its frame or below", -2.0
    EBP_FRAME = 65, Group.EBP, "EBP, known from the newer frames, points to this frame", 5.0
    EBP_BELOW = 66, Group.EBP, "EBP, known from the newer frames, points to a frame further up"
    EBP_PASSED = 67, Group.EBP, "EBP, known from the newer frames, points to a frame that it passes over", -5.0
    KEEPER_CHAINED = 89, Group.EBP, "its module keeps frames in EBP, and the saved EBP points to this one"
    KEEPER_BROKEN = 90, Group.EBP, "its module keeps frames in EBP, yet the saved EBP points elsewhere"
    KEEPER_FRAME = 91, Group.EBP, "its module keeps frames in EBP, and EBP points to this one"
    KEEPER_PASSED = 92, Group.EBP, "its module keeps frames in EBP, yet EBP points to one that it passes over"
    FPO_CHAINED = 93, Group.EBP, "the saved EBP points to this frame, but its module hardly keeps any"
    FPO_BROKEN = 94, Group.EBP, "the saved EBP points elsewhere, and its module hardly keeps frames in EBP"
    FPO_FRAME = 95, Group.EBP, "EBP points to this frame, but its module hardly keeps any"
    FPO_PASSED = 96, Group.EBP, "EBP points to a frame that it passes over, but its module hardly keeps any"
    PASSES_FRAME = 159, Group.EBP, "it passes over the frame that EBP is known to point to", -8.0
    EBP_LOST = (
        161,
        Group.EBP,
        "its function keeps a frame in EBP, yet the EBP that the function called saved points to none",
        -5.0,
    )
    EBP_CHAIN = 74, Group.EBP, "the chain of saved EBPs leads here", 8.0
    RBP_LEADS = 128, Group.EBP, "the RBP saved in between leads on to a return address"
    RBP_ASTRAY = (
        129,
        Group.EBP,
        "the RBP saved in between, which the next frame needs, leads to no return address",
        -4.0,
    )
    RBP_SEEN = 142, Group.EBP, "a word further down points to where its frame register does"
    RBP_UNSEEN = 143, Group.EBP, "no word further down points to where its frame register does"
    KEEPS_RETURN = 144, Group.EBP, "where it would keep a register for its caller a return address lies", -4.0
    ALLOCA_40 = 151, Group.DISTANCE, "the alloca would be of up to 40h bytes"
    ALLOCA_100 = 152, Group.DISTANCE, "the alloca would be of 40h to 100h bytes"
    ALLOCA_400 = 153, Group.DISTANCE, "the alloca would be of 100h to 400h bytes"
    UP_TO_20 = 30, Group.DISTANCE, "up to 20h bytes above the newer return address"
    UP_TO_40 = 31, Group.DISTANCE, "20h to 40h bytes above the newer return address"
    UP_TO_80 = 32, Group.DISTANCE, "40h to 80h bytes above the newer return address"
    UP_TO_100 = 33, Group.DISTANCE, "80h to 100h bytes above the newer return address"
    UP_TO_200 = 34, Group.DISTANCE, "100h to 200h bytes above the newer return address"
    UP_TO_400 = 35, Group.DISTANCE, "200h to 400h bytes above the newer return address"
    UP_TO_800 = 36, Group.DISTANCE, "400h to 800h bytes above the newer return address"
    OVER_800 = 37, Group.DISTANCE, "over 800h bytes above the newer return address"
    IN_ARGUMENTS = 63, Group.PASSED, "it lies among the arguments of the function called", -5.0
    SKIPS_NONE = 104, Group.PASSED, "no candidate lies between it and the newer one"
    SKIPS_MANY = 105, Group.PASSED, "many candidates lie between it and the newer one"
    CONVERGED = 101, Group.PASSED, "dead frames below it were called from the same place"
    CROSSED = 102, Group.PASSED, "dead frames below it were called from a place further up"
    LOST_80 = 109, Group.LOST, "up to 80h bytes above overwritten ones"
    LOST_200 = 110, Group.LOST, "80h to 200h bytes above overwritten ones"
    LOST_400 = 111, Group.LOST, "200h to 400h bytes above overwritten ones"
    TRAP_HANDLER = 38, Group.BRIDGE, "its handler runs right below the trap frame"
    NO_TRAP = 39, Group.BRIDGE, "a trap handler runs, and no trap frame follows", -8.0
    HOLE = 40, Group.BRIDGE, "reached over a page that cannot be read", -1.0
    SAME_MODULE = 41, Group.MODULE, "in the module of the newer return address"
    OTHER_MODULE = 42, Group.MODULE, "in another module than the newer return address", -2.0
    REPEATED_PAIR = 43, Group.REPEAT, "the same two return addresses lie as far apart elsewhere on this stack"
    REPEATED_SIZE = 44, Group.REPEAT, "the same return address has one as far above it elsewhere on this stack"
    REPEATED_ALONE = 106, Group.REPEAT, "no other distance is the same wherever its return address lies"
    SIZE_NEARBY = 107, Group.REPEAT, "a return address near its own has one as far above it elsewhere on this stack"
    NOT_REPEATED = 45, Group.REPEAT, "the newer return address has nothing as far above it elsewhere on this stack"
    SIZE_ONE = 80, Group.REPEAT, "the same return address has one as far above it at its other place on this stack"
    NO_SIZE_ONE = 81, Group.REPEAT, "the same return address has none as far above it at its other place on this stack"
    SIZE_ALL_FEW = 82, Group.REPEAT, "the same return address has one as far above it at all its places on this stack"
    SIZE_SOME_FEW = 83, Group.REPEAT, "the same return address has one as far above it at some of its places"
    SIZE_NONE_FEW = 84, Group.REPEAT, "the same return address has none as far above it at its other places"
    SIZE_ALL = 85, Group.REPEAT, "the same return address has one as far above it at each of its many places"
    SIZE_MOST = 86, Group.REPEAT, "the same return address has one as far above it at most of its many places"
    SIZE_SOME = 87, Group.REPEAT, "the same return address has one as far above it at a part of its many places"
    SIZE_NONE = 88, Group.REPEAT, "the same return address has hardly one as far above it at its many other places"
    REPEATS_FARTHER = 141, Group.REPEAT, "a nearer one is as far above the same return address elsewhere too"
    PAST_ITSELF = 157, Group.REPEAT, "a nearer one is the same return address, as at each of its many places", -4.0
    SAME_CALLEE = (
        61,
        Group.REPEAT,
        "the same return address belongs to a call of the same function elsewhere on this stack",
        2.0,
    )
    OTHER_CALLEE = (
        62,
        Group.REPEAT,
        "the same return address belongs to a call of another function elsewhere on this stack",
        -2.0,
    )
    SIZE_SURE = 123, Group.REPEAT, "other frames of its function are of that size"
    SIZE_BORNE_OUT = 118, Group.REPEAT, "another frame of its function is of that size"
    SIZE_DENIED = 120, Group.REPEAT, "its function's other frames are of another size"
    SIZE_HELD = 119, Group.REPEAT, "frames of code near it are of that size"
    SIZE_OPPOSED = 121, Group.REPEAT, "frames of code near it are of another size"
    SHADOWED = 116, Group.SHADOW, "the shadow stack holds both return addresses one after the other", 6.0
    SHADOW_OTHER = 117, Group.SHADOW, "the shadow stack says otherwise", -25.0
    FROM_REGISTERS = 46, Group.START, "the faulting registers lead here", 2.0
    NOT_REGISTERS = 47, Group.START, "the faulting registers lead elsewhere", -8.0
    REACHES_LIMIT = 48, Group.START, "the frame of the function it calls reaches down that far"
    FAR_FROM_LIMIT = 49, Group.START, "the frame of the function it calls does not reach down that far", -4.0
    MAY_REACH_NEAR = 50, Group.START, "the function it calls would need a frame of up to 100h bytes"
    MAY_REACH = 51, Group.START, "the function it calls would need a frame of up to 400h bytes", -2.0
    MAY_REACH_FAR = 52, Group.START, "the function it calls would need a frame of over 400h bytes", -5.0
    BEHIND_HOLE = 53, Group.START, "the first one after a page that cannot be read"
    ANY_START = 54, Group.START, "no register says where the walk starts"
    EBP_START = 69, Group.START, "the EBP of the registers points to this frame", 2.0
    BELOW_EBP_START = 70, Group.START, "it lies below the frame that the EBP of the registers points to", -1.0
    NEAR_START = 71, Group.START, "close to where the saved stack begins"
    FAR_START = 72, Group.START, "far from where the saved stack begins", -5.0
    ESP_START = 73, Group.START, "ESP points to it where no frame is", 3.0
    USER_MODE = 55, Group.END, "user mode entered the kernel here", 2.0
    ZERO_EBP = 56, Group.END, "a zero EBP marks the thread's first frame"
    NO_RETURN = 57, Group.END, "nothing runs after the call: the thread's first function", 2.0
    NEAR_BASE = 58, Group.END, "the walk ends close to Base"
    EARLY_END = 59, Group.END, "the walk ends far from Base", -6.0
    PREDICTED_ON = 60, Group.END, "the stack depth predicts that the walk goes on", -5.0
    CHAIN_END = 75, Group.END, "the chain of saved EBPs ends here, as at a thread's first frame", 3.0
    CHAIN_LEAVES = 76, Group.END, "the chain of saved EBPs leaves the stack here"
    LAST = 114, Group.END, "the last candidate before Base"


_PLAIN_WORDS = tuple((int(clue), clue.words) for clue in Clue)  # an enum's own `&` costs more than all else


@lru_cache(maxsize=1024)
def words(mask: int) -> str:
    """The clues of a mask in words, separated by semicolons; most frames of a stack have the same few sets."""
    return "; ".join([text for clue, text in _PLAIN_WORDS if mask & clue])
