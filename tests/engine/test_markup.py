"""Links in the real engine: every kind's command runs, plain output has no tag, hostile names make no link."""

from __future__ import annotations

import html
import re
from typing import List

from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.stackhog import DUMP, LAUNCHER, ROOT, SYMBOLS

SETTING = Setting(import_path=(ROOT,), search_path=(LAUNCHER,), timeout=300)
CALLS = [f"!py hogwalk{command}" for command in ("", " walk", " stack", " candidates -n 2")]
LINK = re.compile(r'<link cmd="([^"]*)">')
TARGET = Target(DUMP, symbols=[SYMBOLS])
MARKED = Target(DUMP, symbols=[SYMBOLS], markup=True)
FAILED = re.compile(r"syntax error|couldn't resolve|not found|is not valid|hogwalk: ", re.IGNORECASE)


def commands(output: str) -> List[str]:
    return [html.unescape(found) for found in LINK.findall(output)]


def test_the_markup_is_the_plain_output_with_tags(engine: Engine) -> None:
    marked = engine.host(MARKED, CALLS, SETTING)
    plain = engine.host(TARGET, CALLS, SETTING)
    for one, other in zip(marked, plain):
        assert html.unescape(re.sub(r"<[^<>]*>", "", one.output)) == other.output
        assert commands(one.output)
        assert one.longest_write < 16_384
        assert "<link" not in other.output


def test_every_kind_of_link_runs(engine: Engine) -> None:
    found = [command for step in engine.host(MARKED, CALLS, SETTING) for command in commands(step.output)]
    # One of each kind: what it calls, and for hogwalk's own commands which.
    kinds = {re.sub(r"[0-9a-f]{8,16}|\bL?[0-9a-fx]+$", "N", command): command for command in found}
    assert {kind.split()[0].split("=")[0] for kind in kinds} == {"!py", "kf", "dps", "ub", "lmvm"}
    chosen = [kinds[kind] for kind in sorted(kinds)]
    for step in engine.host(TARGET, [one.replace("!py -3.9 -g ", "!py -3.9 ") for one in chosen], SETTING):
        assert step.status == 0, step.command
        assert step.output.strip(), step.command
        assert not FAILED.search(step.output), step


def test_links_keep_the_stack_that_was_asked_for(engine: Engine) -> None:
    (step,) = engine.host(MARKED, ["!py hogwalk walk --limit b8ae6000 --base b8ae9000"], SETTING)
    own = [command for command in commands(step.output) if command.startswith("!py")]
    assert own
    assert all(command.endswith("--limit b8ae6000 --base b8ae9000") for command in own)


def test_plain_asks_for_no_links(engine: Engine) -> None:
    (step,) = engine.host(MARKED, ["!py hogwalk walk --plain"], SETTING)
    assert "<" not in step.output
