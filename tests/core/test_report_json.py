"""The JSON document: schema hogwalk-report/2, key by key."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List

from hogwalk.answer.render.json_report import document, to_json
from hogwalk.model import BugCheck, Triple
from hogwalk.walk.evidence import Request
from hogwalk.walk.facts.gaps import ABOVE, BELOW
from tests.core.scenes import BASE, LIMIT, THREAD, machine, report_of, usual_stack, with_processor

ADDRESS = re.compile(r"0x[0-9a-f]{8}\Z")
TOP = (
    "schema",
    "target",
    "stack",
    "hog",
    "start",
    "candidates",
    "frames",
    "modules",
    "products",
    "gaps",
    "notes",
    "commands",
)
TRIPLE = ["base_ptr", "stack_ptr", "instruction_ptr"]


def reported() -> Dict[str, Any]:
    scene = machine(bugcheck=BugCheck(0x7F, (8, 0x80042000, 0, 0)))
    usual_stack(scene)
    with_processor(scene.target, LIMIT, BASE, (scene.nt_ring[0], LIMIT - 0x30, 0))
    document: Dict[str, Any] = json.loads(to_json(report_of(scene.target)))
    return document


def addresses(value: object) -> List[str]:
    """Every string in a value that looks like an address."""
    if isinstance(value, dict):
        return [found for part in value.values() for found in addresses(part)]
    if isinstance(value, list):
        return [found for part in value for found in addresses(part)]
    return [value] if isinstance(value, str) and value.startswith("0x") else []


def test_the_document_has_the_schemas_keys_in_their_order() -> None:
    found = reported()
    assert [key for key in found if key in TOP] == list(TOP)
    assert found["schema"] == "hogwalk-report/2"


def test_the_target_and_its_bug_check() -> None:
    assert reported()["target"] == {
        "kind": "kernel dump",
        "machine": "x86",
        "file": "drawn.dmp",
        "bugcheck": {"code": "0x7f", "arguments": ["0x00000008", "0x80042000", "0x00000000", "0x00000000"]},
    }


def test_no_bug_check_is_null() -> None:
    scene = machine()
    usual_stack(scene)
    assert document(report_of(scene.target))["target"]["bugcheck"] is None


def test_the_stack() -> None:
    stack = reported()["stack"]
    assert stack["limit"] == "0xb8ae6000"
    assert stack["base"] == "0xb8ae9000"
    assert stack["bytes"] == 12288
    assert stack["thread"] == f"0x{THREAD:08x}"


def test_a_range_given_by_hand_has_no_thread() -> None:
    scene = machine()
    usual_stack(scene)
    assert document(report_of(scene.target, Request(LIMIT, BASE)))["stack"]["thread"] is None


def test_start_and_candidates_have_the_same_shape() -> None:
    found = reported()
    for start in (found["start"], *found["candidates"]):
        assert list(start) == [*TRIPLE, "command", "score", "evidence"]
        triple = " ".join(start[key][2:] for key in TRIPLE)
        assert start["command"] == f"kf={triple} 0x200"
        assert isinstance(start["score"], int)
        assert all(re.match(r"[+-]\d+ \S", line) for line in start["evidence"])
        assert sum(int(line.split()[0]) for line in start["evidence"]) == start["score"]
    assert found["start"] == found["candidates"][0]


def test_a_start_given_by_hand_has_no_score() -> None:
    scene = machine()
    usual_stack(scene)
    triple = Triple(LIMIT + 0x280, LIMIT + 0x17C, scene.hog_ring[3])
    start = document(report_of(scene.target, triple=triple))["start"]
    assert (start["score"], start["evidence"]) == (None, [])


def test_frames_are_newest_first_and_start_at_the_triple() -> None:
    frames = reported()["frames"]
    keys = ["frame_ptr", "instruction", "return_slot", "return_address", "bytes", "running", "module", "symbol"]
    assert all(list(frame) == [*keys, "source", "trust", "probability", "reasons"] for frame in frames)
    assert {key: frames[1][key] for key in keys} == {
        "frame_ptr": f"0x{LIMIT + 0x180:08x}",
        "instruction": frames[0]["return_address"],
        "return_slot": f"0x{LIMIT + 0x184:08x}",
        "return_address": frames[1]["return_address"],
        "bytes": 0x100,
        "running": False,
        "module": "hog",
        "symbol": "hog!Ring23+0x20",
    }
    assert [frame["running"] for frame in frames] == [True, *[False] * (len(frames) - 1)]
    assert all(0 < frame["probability"] <= 1 and frame["reasons"] for frame in frames)
    slots = [int(frame["return_slot"], 16) for frame in frames]
    assert [frame["bytes"] for frame in frames[1:]] == [one - other for one, other in zip(slots[1:], slots)]
    assert {frame["source"] for frame in frames} <= {"kf", "hogwalk", "both"}
    assert {frame["trust"] for frame in frames} <= {"linked", "call", "trap", "plain", "unread", "none"}


def test_a_frame_in_no_module_has_null_for_its_names() -> None:
    scene = machine()
    usual_stack(scene)
    triple = Triple(LIMIT + 0x280, LIMIT + 0x180, 0x12345678)
    first = document(report_of(scene.target, triple=triple))["frames"][0]
    assert (first["module"], first["symbol"]) == (None, None)


def test_modules_products_and_gaps_add_up() -> None:
    found = reported()
    gaps = sum(gap["bytes"] for gap in found["gaps"])
    for owners in (found["modules"], found["products"]):
        assert sum(owner["bytes"] for owner in owners) + gaps == found["stack"]["bytes"]
        assert sum(owner["frames"] for owner in owners) == sum(frame["bytes"] is not None for frame in found["frames"])
    keys = ["name", "bytes", "frames", "largest", "product", "company", "file_version", "linked"]
    assert all(list(use) == keys for use in found["modules"])
    assert found["hog"] == found["products"][0]
    assert found["confidence"]["product"] == found["hog"]["name"]
    assert [use["product"] for use in found["modules"]] == ["Drawn Filter", "Windows"]
    assert [(use["name"], use["company"], use["modules"]) for use in found["products"]] == [
        ("Drawn Filter", "Drawn Software, Inc.", ["hog"]),
        ("Windows", "Microsoft Corporation", ["nt"]),
    ]


def test_gaps_say_from_where_to_where_and_why() -> None:
    first, last = reported()["gaps"]
    assert first == {"from": "0xb8ae6000", "to": f"0x{LIMIT + 0x88:08x}", "bytes": 0x88, "why": ABOVE}
    assert (last["to"], last["why"]) == ("0xb8ae9000", BELOW)
    assert int(last["to"], 16) - int(last["from"], 16) == last["bytes"]


def test_addresses_are_eight_digits_behind_0x() -> None:
    found = reported()
    del found["target"]["bugcheck"]["code"]
    assert len(addresses(found)) > 50
    assert all(ADDRESS.match(text) for text in addresses(found))


def test_commands_are_those_that_ran() -> None:
    found = reported()  # what runs has its addresses sign-extended, as any evaluator reads them
    assert found["start"]["command"] in [command.replace("ffffffff", "") for command in found["commands"]]


def test_the_document_is_ascii_whatever_the_names() -> None:
    scene = machine()
    usual_stack(scene)
    scene.hog.functions = {start: f"R\u00e9\u30db{name}" for start, name in scene.hog.functions.items()}
    text = to_json(report_of(scene.target))
    assert text.isascii()
    assert json.loads(text)["frames"][1]["symbol"] == "hog!R\u00e9\u30dbRing23+0x20"
