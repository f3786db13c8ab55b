"""The clues a walk is fused from: each is one bit, with the words that reports print."""

from __future__ import annotations

from enum import IntEnum
from typing import Dict, Iterator


class Clue(IntEnum):
    """One observation about a return slot, about two neighbouring ones, or about where a walk starts and ends."""

    # the slot itself
    CALL = 1 << 0
    UNREAD = 1 << 1
    TRAP_FRAME = 1 << 2
    SYSTEM_CALL = 1 << 3
    KF = 1 << 4
    # its looks, where the depth is open
    POINTED_AT = 1 << 5
    SAVED_EBP = 1 << 6
    ALIGNED = 1 << 7
    # the call at the older slot against the function that runs
    REACHED = 1 << 8
    STARTED = 1 << 9
    NEAR_TARGET = 1 << 10
    TAIL_REACHED = 1 << 11
    TAIL_POSSIBLE = 1 << 12
    OTHER_TARGET = 1 << 13
    ANY_TARGET = 1 << 14
    TABLE_TARGET = 1 << 15
    NO_TABLE_TARGET = 1 << 16
    # the distance between the two slots against the code's stack depth
    DEPTH = 1 << 17
    DEPTH_ALONE = 1 << 18
    DEPTH_LIKELY = 1 << 19
    DEPTH_POSSIBLE = 1 << 20
    DEPTH_AT_LEAST = 1 << 21
    DEPTH_OTHER = 1 << 22
    DEPTH_OTHER_LIKELY = 1 << 23
    DEPTH_UNKNOWN = 1 << 24
    DEPTH_UNREAD = 1 << 25
    # EBP
    CHAINED = 1 << 26
    CHAIN_BROKEN = 1 << 27
    EBP_KEPT_WELL = 1 << 28
    EBP_KEPT_BADLY = 1 << 29
    # the distance in bytes, where the depth is open
    UP_TO_20 = 1 << 30
    UP_TO_40 = 1 << 31
    UP_TO_80 = 1 << 32
    UP_TO_100 = 1 << 33
    UP_TO_200 = 1 << 34
    UP_TO_400 = 1 << 35
    UP_TO_800 = 1 << 36
    OVER_800 = 1 << 37
    # bridges, and what takes the place of depth where code cannot be read
    TRAP_HANDLER = 1 << 38
    NO_TRAP = 1 << 39
    HOLE = 1 << 40
    SAME_MODULE = 1 << 41
    OTHER_MODULE = 1 << 42
    REPEATED_PAIR = 1 << 43
    REPEATED_SIZE = 1 << 44
    NOT_REPEATED = 1 << 45
    SAME_CALLEE = 1 << 61
    OTHER_CALLEE = 1 << 62
    IN_ARGUMENTS = 1 << 63
    DEPTH_TOLD = 1 << 64
    EBP_FRAME = 1 << 65
    EBP_BELOW = 1 << 66
    EBP_PASSED = 1 << 67
    TEXT = 1 << 68
    EBP_CHAIN = 1 << 74
    AT_START = 1 << 77
    LATE = 1 << 78
    # where the walk starts
    FROM_REGISTERS = 1 << 46
    NOT_REGISTERS = 1 << 47
    REACHES_LIMIT = 1 << 48
    FAR_FROM_LIMIT = 1 << 49
    MAY_REACH_NEAR = 1 << 50
    MAY_REACH = 1 << 51
    MAY_REACH_FAR = 1 << 52
    BEHIND_HOLE = 1 << 53
    ANY_START = 1 << 54
    EBP_START = 1 << 69
    BELOW_EBP_START = 1 << 70
    NEAR_START = 1 << 71
    FAR_START = 1 << 72
    ESP_START = 1 << 73
    # where it ends
    USER_MODE = 1 << 55
    ZERO_EBP = 1 << 56
    NO_RETURN = 1 << 57
    NEAR_BASE = 1 << 58
    EARLY_END = 1 << 59
    PREDICTED_ON = 1 << 60
    CHAIN_END = 1 << 75
    CHAIN_LEAVES = 1 << 76
    # x64, where code cannot be read: a word that looks like a pointer to data; what the dead frames between say
    ALIGNED_8 = 1 << 100
    CONVERGED = 1 << 101
    CROSSED = 1 << 102
    AT_POINTER = 1 << 103
    SKIPS_NONE = 1 << 104
    SKIPS_MANY = 1 << 105
    REPEATED_ALONE = 1 << 106
    SIZE_NEARBY = 1 << 107
    FARTHER_TARGET = 1 << 108
    # from the first candidate behind overwritten bytes to the one that is stepped to
    LOST_80 = 1 << 109
    LOST_200 = 1 << 110
    LOST_400 = 1 << 111
    OTHER_EXACT = 1 << 112
    DEPTH_STARTED = 1 << 113
    LAST = 1 << 114
    FOREIGN = 1 << 115
    SHADOWED = 1 << 116
    SHADOW_OTHER = 1 << 117


WORDS: Dict[Clue, str] = {
    Clue.CALL: "a call ends right before it",
    Clue.UNREAD: "its code cannot be read",
    Clue.TRAP_FRAME: "a trap frame holds it",
    Clue.SYSTEM_CALL: "a system call enters the kernel before it",
    Clue.KF: "kf shows it too",
    Clue.REACHED: "the call targets the running function",
    Clue.STARTED: "the call targets the running function's start",
    Clue.NEAR_TARGET: "the call targets code shortly below the running address",
    Clue.TAIL_REACHED: "the call targets a function that jumps on into the running one",
    Clue.TAIL_POSSIBLE: "the call targets a function whose end cannot be read",
    Clue.OTHER_TARGET: "the call names another function",
    Clue.TABLE_TARGET: "the driver object's dispatch table names the running function",
    Clue.NO_TABLE_TARGET: "the driver object's dispatch table does not name the running function",
    Clue.DEPTH: "the stack depth at the call predicts this slot",
    Clue.DEPTH_ALONE: "the stack depth at the call predicts this slot",
    Clue.DEPTH_LIKELY: "the most likely stack depth predicts this slot",
    Clue.DEPTH_POSSIBLE: "a possible stack depth predicts this slot",
    Clue.DEPTH_AT_LEAST: "an alloca leaves the stack depth open",
    Clue.DEPTH_OTHER: "the stack depth predicts another slot",
    Clue.DEPTH_OTHER_LIKELY: "the most likely stack depth predicts another slot",
    Clue.OTHER_EXACT: "the call names another function, which may have jumped on",
    Clue.DEPTH_STARTED: "unwound from the start's registers",
    Clue.SHADOWED: "the shadow stack holds both return addresses one after the other",
    Clue.SHADOW_OTHER: "the shadow stack says otherwise",
    Clue.FOREIGN: "it lies in no module: generated code perhaps",
    Clue.CHAINED: "the saved EBP points to this frame",
    Clue.CHAIN_BROKEN: "the saved EBP points elsewhere",
    Clue.TRAP_HANDLER: "its handler runs right below the trap frame",
    Clue.HOLE: "reached over a page that cannot be read",
    Clue.REPEATED_PAIR: "the same two return addresses lie as far apart elsewhere on this stack",
    Clue.REPEATED_SIZE: "the same return address has one as far above it elsewhere on this stack",
    Clue.REPEATED_ALONE: "no other distance is the same wherever its return address lies",
    Clue.SIZE_NEARBY: "a return address near its own has one as far above it elsewhere on this stack",
    Clue.SAME_CALLEE: "the same return address belongs to a call of the same function elsewhere on this stack",
    Clue.OTHER_CALLEE: "the same return address belongs to a call of another function elsewhere on this stack",
    Clue.DEPTH_TOLD: "the function's frame data and the arguments pushed predict this slot",
    Clue.EBP_FRAME: "EBP, known from the newer frames, points to this frame",
    Clue.EBP_PASSED: "EBP, known from the newer frames, points to a frame that it passes over",
    Clue.TEXT: "it reads as text",
    Clue.AT_START: "it points to a function's start",
    Clue.LATE: "it points to the last quarter of a large module, where data lie",
    Clue.EBP_CHAIN: "the chain of saved EBPs leads here",
    Clue.EBP_START: "the EBP of the registers points to this frame",
    Clue.ESP_START: "ESP points to it where no frame is",
    Clue.IN_ARGUMENTS: "it lies among the arguments of the function called",
    Clue.FROM_REGISTERS: "the faulting registers lead here",
    Clue.NOT_REGISTERS: "the faulting registers lead elsewhere",
    Clue.REACHES_LIMIT: "the frame of the function it calls reaches down that far",
    Clue.BEHIND_HOLE: "the first one after a page that cannot be read",
    Clue.CONVERGED: "dead frames below it were called from the same place",
    Clue.AT_POINTER: "the stack pointer points to it",
    Clue.USER_MODE: "user mode entered the kernel here",
    Clue.ZERO_EBP: "a zero EBP marks the thread's first frame",
    Clue.CHAIN_END: "the chain of saved EBPs ends here, as at a thread's first frame",
    Clue.CHAIN_LEAVES: "the chain of saved EBPs leaves the stack here",
    Clue.NO_RETURN: "nothing runs after the call: the thread's first function",
    Clue.POINTED_AT: "a word further down points to this frame as a saved EBP does",
    Clue.SAVED_EBP: "the word below it points to another frame as a saved EBP does",
    Clue.ALIGNED: "it is a multiple of 16, as a function's start is",
    Clue.ALIGNED_8: "it is a multiple of 8, as a pointer to data is",
    Clue.ANY_TARGET: "only run time knows what the call targets",
    Clue.FARTHER_TARGET: "the call targets code further below the running address",
    Clue.DEPTH_UNKNOWN: "the stack depth at the call is not known",
    Clue.DEPTH_UNREAD: "the stack depth at the call is in code that cannot be read",
    Clue.EBP_KEPT_WELL: "the EBP that the function called saved points above its frame",
    Clue.EBP_KEPT_BADLY: "the EBP that the function called saved points into its frame or below",
    Clue.EBP_BELOW: "EBP, known from the newer frames, points to a frame further up",
    Clue.UP_TO_20: "up to 20h bytes above the newer return address",
    Clue.UP_TO_40: "20h to 40h bytes above the newer return address",
    Clue.UP_TO_80: "40h to 80h bytes above the newer return address",
    Clue.UP_TO_100: "80h to 100h bytes above the newer return address",
    Clue.UP_TO_200: "100h to 200h bytes above the newer return address",
    Clue.UP_TO_400: "200h to 400h bytes above the newer return address",
    Clue.UP_TO_800: "400h to 800h bytes above the newer return address",
    Clue.OVER_800: "over 800h bytes above the newer return address",
    Clue.NO_TRAP: "a trap handler runs, and no trap frame follows",
    Clue.SAME_MODULE: "in the module of the newer return address",
    Clue.OTHER_MODULE: "in another module than the newer return address",
    Clue.NOT_REPEATED: "the newer return address has nothing as far above it elsewhere on this stack",
    Clue.FAR_FROM_LIMIT: "the frame of the function it calls does not reach down that far",
    Clue.MAY_REACH_NEAR: "the function it calls would need a frame of up to 100h bytes",
    Clue.MAY_REACH: "the function it calls would need a frame of up to 400h bytes",
    Clue.MAY_REACH_FAR: "the function it calls would need a frame of over 400h bytes",
    Clue.ANY_START: "no register says where the walk starts",
    Clue.BELOW_EBP_START: "it lies below the frame that the EBP of the registers points to",
    Clue.NEAR_START: "close to where the saved stack begins",
    Clue.FAR_START: "far from where the saved stack begins",
    Clue.NEAR_BASE: "the walk ends close to Base",
    Clue.EARLY_END: "the walk ends far from Base",
    Clue.PREDICTED_ON: "the stack depth predicts that the walk goes on",
    Clue.CROSSED: "dead frames below it were called from a place further up",
    Clue.SKIPS_NONE: "no candidate lies between it and the newer one",
    Clue.SKIPS_MANY: "many candidates lie between it and the newer one",
    Clue.LOST_80: "up to 80h bytes above overwritten ones",
    Clue.LOST_200: "80h to 200h bytes above overwritten ones",
    Clue.LOST_400: "200h to 400h bytes above overwritten ones",
    Clue.LAST: "the last candidate before Base",
}


PLAIN_WORDS = tuple((int(clue), WORDS[clue]) for clue in Clue if clue in WORDS)


def clues(mask: int) -> Iterator[Clue]:
    """The clues in a mask, in the order they are declared."""
    for clue in Clue:
        if mask & clue:
            yield clue


def words(mask: int) -> str:
    """The clues of a mask in words, separated by semicolons."""
    return "; ".join([text for clue, text in PLAIN_WORDS if mask & clue])
