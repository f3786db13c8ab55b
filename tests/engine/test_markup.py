"""Links in the real engine: every kind's command runs, plain output has no tag, hostile names make no link."""

from __future__ import annotations

import html
import re
from typing import List

from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.stackhog import DUMP, LAUNCHER, ROOT, SYMBOLS

SETTING = Setting(import_path=(ROOT,), search_path=(LAUNCHER,), timeout=300)
COMMANDS = ("", " walk", " stack", " candidates -n 2", " frame b8ae8238", " compare --all", " charge")
CALLS = [f"!py hogwalk{command}" for command in COMMANDS]
LINK = re.compile(r'<link cmd="([^"]*)">')
TARGET = Target(DUMP, symbols=[SYMBOLS])
MARKED = Target(DUMP, symbols=[SYMBOLS], markup=True)
FAILED = re.compile(
    r"syntax error|couldn't resolve|not found|is not valid|memory access error|unable to find|no code found|hogwalk: ",
    re.IGNORECASE,
)


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


def test_every_link_runs(engine: Engine) -> None:
    found = [command for step in engine.host(MARKED, CALLS, SETTING) for command in commands(step.output)]
    distinct = list(dict.fromkeys(found))
    foreign = [command for command in distinct if not command.startswith("!py")]
    # Of hogwalk's own commands one of each: they take a second.
    own = {command.split(" hogwalk ")[1].split()[0]: command for command in distinct if command.startswith("!py")}
    assert {command.split()[0].split("=")[0] for command in foreign} == {"kf", "dps", "ub", "lmvm", "u", "uf"}
    assert own.keys() == {"frame", "verdict", "walk", "candidates", "stack"}
    chosen = [*foreign, *(one.replace("!py -3.9 -g ", "!py -3.9 ") for one in own.values())]
    for step in engine.host(TARGET, chosen, SETTING):
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
