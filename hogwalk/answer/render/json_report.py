"""The report as one JSON document, schema "hogwalk-report/2": addresses are "0x" strings, bytes are numbers.

One schema for every machine: an address has eight or sixteen hex digits, `frame_ptr` is what `k` prints (ChildEBP on
x86, Child-SP on x64).  README's "JSON" lists the keys, and what readers of hogwalk-report/1 must change.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

from hogwalk.answer.charge.products import linked_on
from hogwalk.answer.render.segments import segments_document
from hogwalk.answer.report.document import SCHEMA, ModuleUse, ProductUse, Report, Weight
from hogwalk.answer.report.fault import cycle_price, depletion, used
from hogwalk.answer.report.notes import unlisted_words
from hogwalk.answer.report.process import of_hog
from hogwalk.machine.words import hexa
from hogwalk.model import Frame, Triple
from hogwalk.printable import printable_document
from hogwalk.targets.parsers.kf import format_kf
from hogwalk.walk.kf.choose import frame_count
from hogwalk.walk.kf.rank import Candidate
from hogwalk.walk.merge.compare import Difference


def to_json(report: Report) -> str:
    """The report's document as text."""
    return written(document(report))


def written(content: Dict[str, Any]) -> str:
    """A document as text: indented by two blanks, keys in the schema's order, ASCII, every text in it printable.

    Lists are written one item after the other: all pieces of a large stack's frames at once fill hundreds of megabytes.
    """
    return "{\n  " + ",\n  ".join(f"{json.dumps(key)}: {_listed(value)}" for key, value in content.items()) + "\n}"


def _listed(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _indented(value, 1)
    return "[\n    " + ",\n    ".join(_indented(item, 2) for item in value) + "\n  ]"


def _indented(value: Any, deep: int) -> str:
    return json.dumps(printable_document(value), indent=2).replace("\n", "\n" + "  " * deep)


def document(report: Report) -> Dict[str, Any]:
    """The document as plain dicts and lists."""
    count = frame_count(report.region.size)
    return {
        "schema": SCHEMA,
        "target": _target(report),
        "stack": {
            "limit": address(report.region.limit),
            "base": address(report.region.base),
            "bytes": report.region.size,
            "thread": address(report.region.thread),
            "source": report.region.source,
        },
        "process": _process(report),
        "overflow": depletion(report)._asdict(),
        "hog": _hog(report),
        "unlisted": _unlisted(report),
        "start": _start(report),
        "candidates": [_candidate(candidate, format_kf(candidate.triple, count)) for candidate in report.candidates],
        "frames": [_frame(frame, weight) for frame, weight in zip(report.frames, report.weights)],
        "modules": [_module(use) for use in report.modules],
        "products": [_product(use) for use in report.products],
        "confidence": _confidence(report),
        "comparison": [_difference(one) for one in report.comparison if one.reason],
        "gaps": [
            {"from": address(gap.start), "to": address(gap.end), "bytes": gap.bytes, "why": gap.why}
            for gap in report.gaps
        ],
        "recursion": _recursion(report),
        "printed": _printed(report),
        **segments_document(report, address, _frame, _module),
        "notes": list(report.notes),
        "commands": list(report.commands),
    }


def _process(report: Report) -> Optional[Dict[str, Any]]:
    """The process that owns the thread; `of_hog`: "version" or "name" says that the hog's product is its own."""
    process = report.process
    if process is None:
        return None
    product = process.version.product if process.version is not None else ""
    return {
        "address": address(process.address),
        "image": process.image or None,
        "product": product or None,
        "of_hog": of_hog(report),
    }


def _recursion(report: Report) -> Optional[Dict[str, Any]]:
    found = cycle_price(report)
    if report.cycle is None or found is None:
        return None
    return {
        "functions": list(report.cycle.functions),
        "starts": list(report.cycle.starts),
        "bytes": report.cycle.bytes,
        "frames_per_turn": found.period,
        "bytes_per_turn": found.turn,
        "turns": found.turns,
        "turns_that_fit": found.fit,
    }


def _printed(report: Report) -> Optional[Dict[str, Any]]:
    # What only a stack table of a text has: the rest of the table, and how much of the stack its first row leaves.
    low = used(report)
    if report.printed is None or low is None:
        return None
    bounded = report.base_known
    return {
        "command": report.printed.command,
        "base_known": bounded,
        "used": report.region.base - low[0],
        "left": low[0] - report.region.limit if bounded else None,
        "other_stacks": [
            {
                "from": address(stack.frames[0].frame_ptr),
                "to": address(stack.frames[-1].frame_ptr),
                "bytes": sum(share.bytes for share in stack.shares),
                "modules": [
                    {"name": share.name, "bytes": share.bytes, "frames": share.frames} for share in stack.shares
                ],
            }
            for stack in report.other_stacks
        ],
        "other_tables": list(report.printed.others),
    }


def address(value: Optional[int]) -> Optional[str]:
    """An address as eight or sixteen hex digits behind 0x, None as null."""
    return None if value is None else f"0x{hexa(value)}"


def _target(report: Report) -> Dict[str, Any]:
    bugcheck = report.about.bugcheck
    return {
        "kind": report.about.kind,
        "machine": report.about.machine,
        "file": report.about.source or None,
        "bugcheck": None
        if bugcheck is None
        else {"code": f"0x{bugcheck.code:x}", "arguments": [address(argument) for argument in bugcheck.arguments]},
    }


def _triple(triple: Triple) -> Dict[str, Any]:
    return {
        "base_ptr": address(triple.base_ptr),
        "stack_ptr": address(triple.stack_ptr),
        "instruction_ptr": address(triple.instruction_ptr),
    }


def _candidate(candidate: Candidate, command: str) -> Dict[str, Any]:
    return {
        **_triple(candidate.triple),
        "command": command,
        "score": candidate.score,
        "evidence": _evidence(candidate),
    }


def _start(report: Report) -> Optional[Dict[str, Any]]:
    if report.start is None:
        return None
    candidate = report.start.candidate
    return {
        **_triple(report.start.triple),
        "command": report.start.command,
        "score": None if candidate is None else candidate.score,
        "evidence": [] if candidate is None else _evidence(candidate),
    }


def _evidence(candidate: Candidate) -> List[str]:
    return [f"{finding.points:+d} {finding.words}" for finding in candidate.findings]


def _frame(frame: Frame, weight: Optional[Weight]) -> Dict[str, Any]:
    return {
        "frame_ptr": address(frame.frame_ptr),
        "instruction": address(frame.instruction) if frame.instruction else None,
        "return_slot": address(frame.return_slot),
        "return_address": address(frame.return_address),
        "bytes": frame.bytes,
        "running": frame.running,
        "module": (frame.symbol.module or None) if frame.symbol is not None else None,
        "symbol": None if frame.symbol is None else frame.symbol.text(),
        "source": frame.source.value,
        "trust": frame.trust.value,
        "probability": None if weight is None else round(weight.probability, 6),
        "reasons": [] if weight is None else list(weight.reasons),
    }


def _name(frame: Frame) -> str:
    return frame.symbol.text() if frame.symbol is not None else f"0x{hexa(frame.instruction)}"


def _module(use: ModuleUse) -> Dict[str, Any]:
    return {
        "name": use.share.name,
        "bytes": use.share.bytes,
        "frames": use.share.frames,
        "largest": _largest(use.share.largest),
        "product": use.product.name,
        "company": use.product.company,
        "file_version": (use.version.file_version or None) if use.version is not None else None,
        "linked": linked_on(use.version) or None,
    }


def _product(use: ProductUse) -> Dict[str, Any]:
    return {
        "name": use.product.name,
        "company": use.product.company,
        "modules": list(use.product.modules),
        "bytes": use.share.bytes,
        "frames": use.share.frames,
        "largest": _largest(use.share.largest),
        "known": use.product.known,
        "system": use.product.system,
    }


def _hog(report: Report) -> Optional[Dict[str, Any]]:
    """The product that holds most bytes beside Windows itself; Windows where there is no other."""
    return None if report.hog is None else _product(report.hog)


def _unlisted(report: Report) -> Optional[Dict[str, Any]]:
    """That the debugger of a live machine knows too few modules; then a hog that could be wrong is not named."""
    found = report.unlisted
    if found is None:
        return None
    return {"known": found.known, "lacks": address(found.lacks), "words": unlisted_words(found)}


def _confidence(report: Report) -> Optional[Dict[str, Any]]:
    """How sure it is that the hog is the biggest, and its bytes' 90 % range; null where nothing is stated."""
    found = report.confidence
    if found is None:
        return None
    return {"product": found.owner, "probability": found.probability, "low": found.low, "high": found.high}


def _difference(one: Difference) -> Dict[str, Any]:
    return {
        "return_slot": address(one.return_slot),
        "kf": None if one.kf is None else _name(one.kf),
        "rebuilt": None if one.own is None else _name(one.own),
        "probability": one.probability,
        "reason": one.reason,
    }


def _largest(frame: Optional[Frame]) -> Optional[Dict[str, Any]]:
    if frame is None:
        return None
    return {
        "frame_ptr": address(frame.frame_ptr),
        "bytes": frame.bytes,
        "symbol": None if frame.symbol is None else frame.symbol.text(),
    }
