"""An explanation as one JSON document, schema "hogwalk-frame/1": addresses are "0x" strings, bytes are numbers."""

from __future__ import annotations

from typing import Any, Dict, Optional

from hogwalk.answer.explain.records import Explanation
from hogwalk.answer.render.frame import Owner
from hogwalk.answer.render.json_report import address

SCHEMA = "hogwalk-frame/1"


def explanation_document(explanation: Explanation, owner: Optional[Owner] = None) -> Dict[str, Any]:
    """The document as plain dicts and lists."""
    return {
        "schema": SCHEMA,
        "frame_ptr": address(explanation.frame_ptr),
        "return_slot": address(explanation.return_slot),
        "bytes": explanation.bytes,
        "symbol": owner.function or None if owner is not None else None,
        "module": owner.module or None if owner is not None else None,
        "product": owner.product or None if owner is not None else None,
        "call": _call(explanation),
        "function": address(explanation.function),
        "instruction": address(explanation.instruction),
        "instructions": [
            {
                "address": address(one.address),
                "code": one.code.hex(),
                "text": one.text,
                "parts": [{"for": part.purpose.value, "bytes": part.bytes} for part in one.parts],
            }
            for one in explanation.instructions
        ],
        "parts": [{"for": part.purpose.value, "bytes": part.bytes} for part in explanation.parts],
        "notes": list(explanation.notes),
    }


def _call(explanation: Explanation) -> Optional[Dict[str, Any]]:
    site = explanation.site
    if site is None:
        return None
    return {
        "address": address(site.call.address),
        "text": site.text,
        "pointer": address(site.call.pointer),
        "pointer_value": address(site.pointer_value),
    }
