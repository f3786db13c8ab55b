"""Many reports as one table: which product holds how much in how many dumps, and which dumps went the same way.

Reads the reports' JSON documents (hogwalk-report/1 and /2), so that reports of any age and machine go together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from hogwalk.answer.charge.cycles import cycle_of

DISPLACEMENT = re.compile(r"\+0x[0-9a-fA-F]+$")
SIGNATURE = 6  # functions that name a path without a cycle: the newest that are not the system's
Document = Mapping[str, Any]


@dataclass
class ProductSum:
    """A product over all dumps: in how many it holds bytes, in how many it is the hog, its bytes in all and at most."""

    name: str
    dumps: int = 0
    hog: int = 0
    bytes: int = 0
    most: int = 0


@dataclass
class Cluster:
    """Dumps that went the same way: the functions of the cycle (or of the newest frames), the files, the hogs."""

    signature: Tuple[str, ...]
    cyclic: bool
    files: List[str] = field(default_factory=list)
    hogs: Dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """Worst first: products by bytes, clusters by dumps; `errors` are (file, what was wrong)."""

    reports: int
    products: Tuple[ProductSum, ...]
    clusters: Tuple[Cluster, ...]
    errors: Tuple[Tuple[str, str], ...]


def summary(documents: Sequence[Document]) -> Summary:
    """The summary of some reports and of lines of files that failed."""
    sums: Dict[str, ProductSum] = {}
    clusters: Dict[Tuple[str, ...], Cluster] = {}
    errors: List[Tuple[str, str]] = []
    for number, one in enumerate(documents, 1):
        file = _text(one.get("file")) or f"report {number}"
        if "error" in one or not isinstance(one.get("products"), list):
            errors.append((file, _text(one.get("error")) or "no report of hogwalk's"))
            continue
        hog = _add_products(one, sums)
        cyclic, signature = path(one)
        cluster = clusters.setdefault(signature, Cluster(signature, cyclic))
        cluster.files.append(file)
        if hog is not None:
            cluster.hogs[hog] = cluster.hogs.get(hog, 0) + 1
    return Summary(
        len(documents) - len(errors),
        tuple(sorted(sums.values(), key=lambda one: (-one.bytes, one.name))),
        tuple(sorted(clusters.values(), key=lambda one: (-len(one.files), one.signature))),
        tuple(errors),
    )


def _add_products(one: Document, sums: Dict[str, ProductSum]) -> Optional[str]:
    held = {}
    for product in one["products"]:
        name, count = _text(product.get("name")), product.get("bytes")
        if name and isinstance(count, int) and count > 0:
            held[name] = count
    for name, count in held.items():
        total = sums.setdefault(name, ProductSum(name))
        total.dumps, total.bytes, total.most = total.dumps + 1, total.bytes + count, max(total.most, count)
    hog = hog_of(one)
    if hog in sums:
        sums[hog].hog += 1
    return hog


def hog_of(one: Document) -> Optional[str]:
    """The product that a report names as the hog: said in /2; in /1 the one that its confidence is about, if any."""
    for key in ("hog", "confidence"):
        said = one.get(key)
        if isinstance(said, dict):
            name = _text(said.get("name")) or _text(said.get("product"))
            if name:
                return name
    return None


def path(one: Document) -> Tuple[bool, Tuple[str, ...]]:
    """The way a stack was filled, and whether it is a cycle: its functions from the alphabetically first one on.

    Without a cycle the newest functions that are not the system's; two dumps with the same names are one cluster.
    """
    frames = [frame for frame in one.get("frames") or () if isinstance(frame, dict)]
    names = [DISPLACEMENT.sub("", _text(frame.get("symbol"))) or "?" for frame in frames]
    sizes = [frame.get("bytes") or 0 for frame in frames]
    found = cycle_of(names, [size if isinstance(size, int) else 0 for size in sizes])
    if found is not None:
        return True, _rotated(found.functions)
    system = _system_modules(one)
    others = [name for name in names if name.partition("!")[0].partition("+")[0] not in system]
    return False, tuple(dict.fromkeys(others or names))[:SIGNATURE]


def _rotated(names: Sequence[str]) -> Tuple[str, ...]:
    # A cycle has no first function: where the walk cuts it in must not matter.
    turns = [tuple(names[at:]) + tuple(names[:at]) for at in range(len(names))]
    return min(turns) if turns else ()


def _system_modules(one: Document) -> List[str]:
    return [
        _text(module)
        for product in one["products"]
        for module in product.get("modules") or ()
        if {"nt", "ntdll"} & set(product.get("modules") or ())
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
