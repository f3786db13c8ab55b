"""A slow line: hogwalk's own walk comes alone, says so, and takes the seconds that its bytes take."""

from __future__ import annotations

import json
import re
from typing import Tuple

import pytest

from hogwalk.targets.line import crossing
from tests.engine.engine import Engine, unannounced
from tests.kd.counts import Counts
from tests.kd.faults import Faults
from tests.kd.test_session import attached
from tests.stackhog import DUMP

SERIAL = 115_200  # baud
DPS_AND_KF = 599_335  # bytes on the wire of dps and kf=, cold (tests/kd/test_session.py measures them anew)
TRIAGE = 1
LINE = Faults(baud=SERIAL)
LIMIT, BASE = 0xB8AE6000, 0xB8AE9000


@pytest.fixture(scope="module")
def slow(engine: Engine) -> Tuple[str, Counts]:
    """The triage at 115,200 baud, cold."""
    (step,), counts = attached(engine, DUMP, ["!py hogwalk --cost"], LINE)
    return step.output, counts


def test_kf_is_left_out_with_its_price(slow: Tuple[str, Counts]) -> None:
    assert re.search(r"^Note +kf not run; --kf adds about \d\d+ s on this line$", slow[0], re.MULTILINE)
    assert slow[1].of(TRIAGE).failed < 5  # kf on x86 asks for 1,800 words that cannot be read


def test_the_hog_is_the_same_without_it(slow: Tuple[str, Counts]) -> None:
    assert "StackHog (Stack Hog Software, Inc.): 4496 bytes, 36.6 % of the stack, in 50 frames" in slow[0]
    assert "11580 walked + 708 in gaps = 12288 = Base - Limit" in slow[0]


def test_what_it_takes(slow: Tuple[str, Counts]) -> None:
    taken = slow[1].of(TRIAGE)
    assert taken.bytes <= 0.25 * DPS_AND_KF  # measured .242
    assert taken.seconds(SERIAL) < 15
    assert taken.again == 0
    assert slow[1].changes() == {}


def test_the_price_is_told(slow: Tuple[str, Counts]) -> None:
    words = " ".join(slow[0].split())
    found = re.search(r"Cost (\d+) round trips for memory, (\d+) bytes on the wire, [0-9.]+ s; \d+ commands", words)
    assert found is not None
    taken = slow[1].of(TRIAGE)
    # The debugger's own commands are in the one and not in the other.
    assert 0.5 * taken.round_trips <= int(found[1]) <= taken.round_trips
    assert 0.5 * taken.bytes <= int(found[2]) <= taken.bytes


def test_the_first_answer_comes_before_the_report_and_says_what_it_is(slow: Tuple[str, Counts]) -> None:
    first, _, report = slow[0].partition("hogwalk: on this line the code of ")
    assert first.startswith("First      answer from saved EBPs and stack words only; code not read yet\n")
    assert "1684  13.7      20  BossHog01\n" in first
    assert re.search(r"^Sum +11384 in the chain \+ 904 in gaps = 12288 = Base - Limit$", first, re.MULTILINE)
    assert re.match(r"\d+ addresses takes about \d+ s, the versions of 8 modules \d+ s; `triage --first` reads", report)
    assert "\nTarget     live kernel, x86\n" in report
    assert "code not read" not in report


def test_the_first_answer_alone_costs_little_more_than_the_stack_and_a_document_has_none(
    engine: Engine, slow: Tuple[str, Counts]
) -> None:
    (_, first, document), counts = attached(engine, DUMP, ["lm", "!py hogwalk --first", "!py hogwalk --json"], LINE)
    assert slow[0].startswith(first.output.rstrip())
    _, stack = crossing(LIMIT, BASE - LIMIT)
    assert counts.of(2).bytes <= 1.3 * (counts.of(1).bytes + stack)  # measured 1.12
    assert "code not read" not in document.output
    assert json.loads(unannounced(document.output))["hog"]["bytes"] == 4496


def test_what_needs_no_kf_runs_none(engine: Engine) -> None:
    done, counts = attached(engine, DUMP, ["!py hogwalk frame b8ae8238", "!py hogwalk candidates"])
    assert "656  locals" in done[0].output
    assert all(counts.of(number).failed < 5 for number in (1, 2))
    assert counts.of(1).bytes <= 0.25 * DPS_AND_KF
    assert counts.of(2).bytes <= 0.1 * counts.of(1).bytes
