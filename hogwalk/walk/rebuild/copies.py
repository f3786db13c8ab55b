"""The second copies of return addresses that functions of gcc's push which align ESP.

lea ecx,[esp+4]; and esp,-16; push [ecx-4]; push ebp; mov ebp,esp; push edi; ..; push ecx: EBP+4 holds the return
address as in any other frame, but the function returns through the one further up, right below where ECX pointed to.
"""

from __future__ import annotations

from typing import Dict, Mapping

from hogwalk.machine.words import X86
from hogwalk.walk.evidence import Evidence

WORD = X86.word

STACK_ALIGNMENT = 16  # what gcc aligns ESP to
MOST_ALIGNED = 5  # words from a copy up to its original: what is aligned away, and one register pushed before
MOST_SAVED = 5  # words below a copy among which that address is: EBP, EDI, ESI and EBX are pushed before


def copies(evidence: Evidence) -> Dict[int, int]:
    """The slots that hold such copies, each with the slot of its original."""
    words, limit, symbols = evidence.image.words, evidence.region.limit, evidence.symbols
    first = (STACK_ALIGNMENT - WORD - limit) % STACK_ALIGNMENT // WORD
    found: Dict[int, int] = {}
    for index in range(first, len(words), STACK_ALIGNMENT // WORD):
        slot, word = limit + WORD * index, words[index]
        if word not in symbols:
            continue
        saved = words[max(0, index - MOST_SAVED) : max(0, index - 1)]
        for above, other in enumerate(words[index + 1 : index + 1 + MOST_ALIGNED], 1):
            if other == word and slot + WORD * (above + 1) in saved:
                found[slot] = slot + WORD * above
    return found


def framed(copied: Mapping[int, int], ebp: int) -> int:
    """The return slot of the frame that an EBP points to; `copied` is what `copies` found."""
    return copied.get(ebp + WORD, ebp + WORD)
