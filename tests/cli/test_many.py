"""Many dumps at once: one line each, in order, and one dump's trouble stays its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from fixtures.build.variants import write_variant
from hogwalk.app.batch.job import Job
from hogwalk.app.batch.pool import Plan, Pool
from hogwalk.app.cli.arguments import parse
from hogwalk.errors import UsageError
from tests.cli.running import Ended, hogwalk
from tests.cli.stuck import Deadly, Hanging
from tests.stackhog import DUMP, SYMBOLS

LINES = ("-y", str(SYMBOLS), "--engine", "own", "--json-lines")
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs FIFOs and /proc")


def lines_of(ended: Ended) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in ended.out.splitlines()]


def test_each_dump_is_a_line_in_the_order_given(tmp_path: Path) -> None:
    cut = write_variant("truncated", tmp_path / "cut.dmp")
    bare = write_variant("no-images", tmp_path / "bare.dmp")
    foreign = tmp_path / "foreign.dmp"
    foreign.write_bytes(b"\x7fELF" + bytes(5000))
    files = [str(file) for file in (DUMP, cut, foreign, bare, tmp_path / "none.dmp", DUMP)]
    ended = hogwalk(*(word for file in files for word in ("-z", file)), *LINES)
    assert ended.code == 3
    found = lines_of(ended)
    assert [line["file"] for line in found] == files
    assert ["error" in line for line in found] == [False, True, True, False, True, False]
    assert all(line["remedy"] for line in found if "error" in line)
    assert "page tables" in found[1]["error"]
    assert found[0] == found[5]
    assert found[0]["products"] != found[3]["products"]


def test_a_line_is_the_document_of_the_dump_alone() -> None:
    ended = hogwalk(str(DUMP), *LINES)
    assert (ended.code, ended.errors) == (0, "")
    (line,) = lines_of(ended)
    alone = json.loads(hogwalk("-z", str(DUMP), "-y", str(SYMBOLS), "--engine", "own", "--json").out)
    assert line == {"file": str(DUMP), **alone}
    assert '": ' not in ended.out.split('"notes"')[0]


def test_patterns_are_expanded_where_the_shell_does_not(tmp_path: Path) -> None:
    for name in ("b.dmp", "a.dmp", "c.txt"):
        (tmp_path / name).write_bytes(b"no dump")
    found = parse(["-z", str(tmp_path / "*.dmp"), "--json-lines"])
    assert found.dumps == [str(tmp_path / "a.dmp"), str(tmp_path / "b.dmp")]
    assert parse([str(tmp_path / "*.txt"), "--json-lines"]).files == [str(tmp_path / "c.txt")]
    odd = tmp_path / "[1].dmp"
    odd.write_bytes(b"no dump")
    assert parse(["-z", str(odd)]).z == str(odd)


@pytest.mark.parametrize(
    "words",
    [
        ["-z", "a.dmp", "-z", "b.dmp"],
        ["--json-lines"],
        ["walk", "-z", "a.dmp", "--json-lines"],
        ["-z", "a.dmp", "--json-lines", "--json"],
        ["-z", "a.dmp", "--json-lines", "--record", "x"],
        ["-z", "a.dmp", "--json-lines", "--jobs", "0"],
        ["-z", "a.dmp", "--json-lines", "--timeout", "nan"],
    ],
)
def test_what_does_not_go_together_is_refused(words: List[str]) -> None:
    with pytest.raises(UsageError):
        parse(words)


def answers(bad: Job, timeout: Optional[float], workers: int) -> List[Dict[str, Any]]:
    """The lines of a bad job and of StackHog's dump after it."""
    good = Job(str(DUMP), str(SYMBOLS), "", "own", dump=True)
    return [json.loads(answer.line) for answer in Pool([bad, good], Plan(workers, timeout, False)).answers()]


@linux
def test_a_dump_that_takes_too_long_is_given_up() -> None:
    hung, good = answers(Hanging("slow.dmp", "", "", "own", dump=True), 10, 2)
    assert (hung["file"], hung["error"]) == ("slow.dmp", "no answer within 10 seconds")
    assert good["stack"]["bytes"] == 12288


@linux
def test_a_worker_that_dies_costs_one_line() -> None:
    dead, good = answers(Deadly("deadly.dmp", "", "", "own", dump=True), None, 1)
    assert (dead["file"], dead["error"]) == ("deadly.dmp", "its worker process died (by signal 9)")
    assert good["stack"]["bytes"] == 12288
