"""The threads as one JSON document, schema "hogwalk-threads/1"."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

from hogwalk.answer.threads.records import SCHEMA, ThreadUse
from hogwalk.model import About


def threads_document(about: About, uses: Sequence[ThreadUse], notes: Sequence[str]) -> Dict[str, Any]:
    """The document as plain dicts and lists; addresses are "0x" strings as wide as the target's, bytes are numbers."""
    digits = 2 * about.pointer_bytes
    return {
        "schema": SCHEMA,
        "target": {"kind": about.kind, "machine": about.machine, "source": about.source},
        "threads": [_thread(use, digits) for use in uses],
        "notes": list(notes),
    }


def _thread(use: ThreadUse, digits: int) -> Dict[str, Any]:
    stack, depth = use.stack, use.depth

    def address(value: Optional[int]) -> Optional[str]:
        return None if value is None else f"0x{value:0{digits}x}"

    return {
        "thread": address(stack.thread),
        "id": stack.identifier,
        "process": stack.process,
        "limit": address(stack.limit),
        "base": address(stack.base),
        "floor": address(depth.floor if depth is not None else None),
        "lowest": address(depth.lowest if depth is not None else None),
        "bytes": depth.size if depth is not None else None,
        "used": depth.used if depth is not None else None,
        "left": depth.left if depth is not None else None,
        "estimated": depth is not None and not depth.saved,
        "walked": use.walked,
        "products": [
            {"name": one.product.name, "modules": list(one.product.modules), "bytes": one.share.bytes}
            for one in use.products
        ],
        "trouble": use.trouble,
    }
