"""Facts that must hold in every case's truth, checked against the dump's own bytes."""

from __future__ import annotations

import struct
from typing import Any, Dict, List, Mapping

from tests.lab.calls import call_before, direct_target


def problems(truth: Mapping[str, Any], memory: Dict[int, bytes]) -> List[str]:
    """What is wrong with the truth, given the readable pages by address; [] when all is consistent."""
    found: List[str] = []
    modules = {module["name"]: module for module in truth["modules"]}
    previous = None
    for frame in truth["frames"]:
        where = "frame {:08x}".format(frame["return_slot"])
        page = frame["return_slot"] & ~0xFFF
        if page in memory:
            word = struct.unpack_from("<I", memory[page], frame["return_slot"] & 0xFFF)[0]
            if word != frame["return_address"]:
                found.append("{}: the stack holds {:08x}, not {:08x}".format(where, word, frame["return_address"]))
        if frame["module"] not in modules:
            found.append(f"{where}: runs in no module")
        if frame["kind"] == "call" and not call_before(memory, frame["return_address"]):
            found.append("{}: no call before {:08x}".format(where, frame["return_address"]))
        target = direct_target(memory, frame["return_address"])
        inside = any(module["base"] <= target < module["end"] for module in truth["modules"])
        if frame["kind"] == "call" and inside and target != frame["called"]:
            found.append(f"{where}: the call goes to {target:08x}, not {frame['called']:08x}")
        if frame["bytes"] is not None and (
            frame["bytes"] <= 0 or previous is None or previous + frame["bytes"] != frame["return_slot"]
        ):
            found.append(f"{where}: slots do not rise by the frame's bytes")
        previous = frame["return_slot"]
    return found
