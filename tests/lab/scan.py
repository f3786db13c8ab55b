"""Linear decoding of the generated images: where calls return to."""

from __future__ import annotations

from typing import List, Sequence

import capstone

from tests.lab.image import Image


def call_returns(images: Sequence[Image]) -> List[int]:
    """Addresses right behind every call instruction of all modules, ascending within a module."""
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    found: List[int] = []
    for image in images:
        start, end = image.code
        decoder.skipdata = True
        code = bytes(image.data[start - image.base : end - image.base])
        found += [at + size for at, size, name, _ in decoder.disasm_lite(code, start) if name == "call"]
    return found
