"""`summary`: the reports of many dumps as one."""

from __future__ import annotations

import json
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import Any, Dict, Iterable, Iterator, List, Sequence

from hogwalk.answer.charge.clusters import Summary, summary
from hogwalk.answer.render.line import Line
from hogwalk.answer.render.summary import render_summary, summary_document
from hogwalk.answer.render.table import Look
from hogwalk.errors import BadInput, UsageError

NO_JSON = "not a line of JSON"
MAKES = "`hogwalk *.dmp --json-lines > reports.jsonl` makes them"


def summary_lines(files: Sequence[str], as_json: bool, look: Look) -> Iterable[str]:
    """The summary of the reports in some files (`-`: stdin), each a document or one a line; raises BadInput."""
    if not files:
        raise UsageError("summary needs reports", MAKES)
    documents: List[Dict[str, Any]] = []
    for name in files:
        read = _documents(name)
        if all(one.get("error") == NO_JSON or not {"error", "products"} & set(one) for one in read):
            raise BadInput(f"{'the pipe' if name == '-' else name} holds no report of hogwalk's", MAKES)
        documents += read
    found: Summary = summary(documents)
    if as_json:
        return json.dumps(summary_document(found), indent=2).split("\n")
    lines: Iterator[Line] = render_summary(found, look)
    return lines


def _documents(name: str) -> List[Dict[str, Any]]:
    try:
        if name == "-":
            return list(_read(sys.stdin.read(), name))
        with open(name, "rb") as file:
            return list(_read(_decoded(file.read()), name))
    except OSError as error:
        raise BadInput(f"{name} cannot be read ({error.strerror})", "check the path") from error


def _decoded(raw: bytes) -> str:
    # PowerShell's `>` writes UTF-16, or UTF-8 with a mark before it.
    return raw.decode("utf-16" if raw[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8-sig", "replace")


def _read(text: str, name: str) -> Iterator[Dict[str, Any]]:
    whole = _object(text)
    if whole is not None:  # one indented document, as --json writes it
        yield whole
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            found = _object(line)
            yield found if found is not None else {"file": f"{name}:{number}", "error": NO_JSON}


def _object(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
