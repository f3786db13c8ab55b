"""Many reports: sums per product, paths that are the same wherever the walk was cut, lines that are no report."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from hogwalk.answer.charge.clusters import path, summary
from hogwalk.answer.render.json_report import document
from hogwalk.answer.render.summary import render_summary, summary_document
from tests.page.reports import stackhog

SYSTEM = {"name": "Windows", "modules": ["nt"], "bytes": 500}


def report(file: str, hog: str, count: int, functions: Sequence[str] = ("nt!a", "x!b")) -> Dict[str, Any]:
    frames = [{"symbol": f"{name}+0x{at + 1:x}", "bytes": 8} for at, name in enumerate(functions)]
    products: List[Dict[str, Any]] = [{"name": hog, "modules": ["x"], "bytes": count}, SYSTEM]
    return {"file": file, "products": products, "frames": frames, "hog": {"name": hog}}


def test_products_are_summed_over_dumps_worst_first() -> None:
    found = summary([report("1", "A", 100), report("2", "A", 300), report("3", "B", 50)])
    assert [(one.name, one.bytes, one.dumps, one.hog, one.most) for one in found.products] == [
        ("Windows", 1500, 3, 0, 500),
        ("A", 400, 2, 2, 300),
        ("B", 50, 1, 1, 50),
    ]


def test_a_cycle_is_one_path_wherever_it_is_cut() -> None:
    turn = ["x!read", "nt!call", "fs!read", "nt!fault"]
    cut = [turn[2:] + turn * 3, turn * 4, turn[1:] + turn * 2 + turn[:1]]
    found = summary([report(str(at), "A", 10, functions) for at, functions in enumerate(cut)])
    (cluster,) = found.clusters
    assert (cluster.cyclic, len(cluster.files), cluster.hogs) == (True, 3, {"A": 3})
    assert sorted(cluster.signature) == sorted(turn)


def test_without_a_cycle_the_newest_third_party_functions_name_the_path() -> None:
    cyclic, names = path(report("1", "A", 1, ["nt!a", "x!b", "nt!c", "x!d"]))
    assert (cyclic, names) == (False, ("x!b", "x!d"))


def test_lines_that_are_no_report_are_named() -> None:
    found = summary([{"file": "bad.dmp", "error": "no dump", "remedy": ""}, {}, report("1", "A", 1)])
    assert found.reports == 1
    assert found.errors == (("bad.dmp", "no dump"), ("report 2", "no report of hogwalk's"))


def test_stackhog_s_own_document() -> None:
    whole = {"file": "memory.dmp", **document(stackhog()[0])}
    found = summary([whole, {**whole, "file": "again.dmp"}])
    assert {one.name: one.bytes for one in found.products}["StackHog"] == 2 * 4496
    assert found.clusters[0].files == ["memory.dmp", "again.dmp"]
    text = "\n".join(render_summary(found))
    assert "2 dumps, a cycle of 20 functions" in text
    assert text.startswith("Reports    2\n")
    assert summary_document(found)["paths"][0]["cyclic"] is True
