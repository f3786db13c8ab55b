"""The summary of many reports as two tables."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Dict, Iterator, Sequence

from hogwalk.answer.charge.clusters import Summary
from hogwalk.answer.render.line import Line
from hogwalk.answer.render.table import PLAIN, Look, counted, cut, table, wrapped
from hogwalk.printable import printable

MOST = 20  # products, clusters or errors shown
LONGEST_PATH = 400  # characters


def render_summary(found: Summary, look: Look = PLAIN) -> Iterator[Line]:
    """Products, then paths, then what could not be read; the worst first."""
    lost = f"; {counted(len(found.errors), 'file')} could not be read" if found.errors else ""
    yield from wrapped("Reports", f"{found.reports}{lost}", look.prose)
    yield Line("")
    heads = ("bytes", "mean", "most", "dumps", "hog in", "product")
    rows = [
        [str(one.bytes), str(one.bytes // one.dumps), str(one.most), str(one.dumps), str(one.hog), printable(one.name)]
        for one in found.products[:MOST]
    ]
    yield from table(heads, rows, ("product",), look.width)
    yield Line("")
    for cluster in found.clusters[:MOST]:
        hogs = ", ".join(f"{printable(name)} {count}" for name, count in sorted(cluster.hogs.items())) or "none"
        sort = "a cycle of" if cluster.cyclic else "the newest of"
        size = counted(len(cluster.signature), "function")
        text = f"{counted(len(cluster.files), 'dump')}, {sort} {size}; hogs: {hogs}"
        yield from wrapped("Path", text, look.prose)
        yield from wrapped("", cut(" < ".join(_named(cluster.signature)), LONGEST_PATH), look.prose)
        yield from wrapped("", f"first {printable(cluster.files[0])}", look.prose)
    if len(found.clusters) > MOST:
        yield from wrapped("", f"{len(found.clusters) - MOST} more paths", look.prose)
    for file, wrong in found.errors[:MOST]:
        yield from wrapped("Error", f"{printable(file)}: {printable(wrong)}", look.prose)


def _named(signature: Sequence[str]) -> Iterator[str]:
    for name, same in groupby(signature):
        times = len(list(same))
        yield printable(name) + (f" ({times} times)" if times > 1 else "")


def summary_document(found: Summary) -> Dict[str, Any]:
    """The same as one JSON document, schema hogwalk-summary/1."""
    return {
        "schema": "hogwalk-summary/1",
        "reports": found.reports,
        "products": [vars(one) for one in found.products],
        "paths": [
            {"functions": list(one.signature), "cyclic": one.cyclic, "files": one.files, "hogs": one.hogs}
            for one in found.clusters
        ],
        "errors": [{"file": file, "error": wrong} for file, wrong in found.errors],
    }
