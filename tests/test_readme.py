"""The README shows what hogwalk prints, and its commands exist."""

from __future__ import annotations

import re

from hogwalk.app.cli.arguments import COMMANDS
from tests.readme import BLOCK, README, refreshed
from tests.stackhog import HOG_BYTES


def test_every_output_shown_is_printed() -> None:
    text = README.read_text()
    assert len(BLOCK.findall(text)) >= 3
    assert refreshed(text) == text, "refresh: python -m tests.readme"


def test_every_command_is_described() -> None:
    text = README.read_text()
    for command in COMMANDS:
        assert re.search(rf"`{command}\b", text), command


def test_the_walkthrough_s_own_sum_is_mentioned() -> None:
    text = README.read_text()
    assert "4176" in text
    assert str(HOG_BYTES) in text
