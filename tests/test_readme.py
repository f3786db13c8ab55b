"""The README shows what hogwalk prints, and its commands exist."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator

from hogwalk.app.cli.arguments import COMMANDS
from tests.goldens.cases import EXPECTED
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


def test_the_schema_page_names_every_key() -> None:
    section = README.read_text().split("\n## JSON\n")[1].split("\n## ")[0]
    documents = [json.loads(path.read_text()) for path in EXPECTED.glob("*/*report.json")]
    assert len(documents) > 3
    found = {key for document in documents for key in keys(document)}
    assert sorted(key for key in found if f"`{key}`" not in section) == []


def keys(value: Any) -> Iterator[str]:
    """Every key of a document, at any depth."""
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(one)
    yield from value if isinstance(value, dict) else ()
