"""How long a headless Chromium takes to show the HTML page: from the start of its loading to its first paint."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Dict

from hogwalk.answer.render.html import page
from tests.page.browser import found, opened
from tests.page.reports import many, stackhog

BAR = 1.0  # seconds
ROUNDS = 3
PAINTED = "performance.getEntriesByName('first-contentful-paint').map(one => one.startTime)[0] || 0"


def measure() -> Dict[str, float]:
    """Seconds to the first paint of StackHog's page and of one of 2,000 frames, best of some; {} without Chromium."""
    if found() is None:
        return {}
    report, anatomy = stackhog()
    pages = {"StackHog": page(report, anatomy), "2,000 frames": page(many(2000))}
    with tempfile.TemporaryDirectory() as folder:
        seconds = {}
        for name, lines in pages.items():
            path = Path(folder) / "page.html"
            path.write_text("\n".join(lines), encoding="utf-8")
            seconds[name] = min(_painted(path) for _ in range(ROUNDS))
        return seconds


def _painted(path: Path) -> float:
    with opened(path, bypass_csp=True) as shown:  # waiting evaluates a text, which the page forbids
        shown.wait_for_function(PAINTED)
        return float(shown.evaluate(PAINTED)) / 1000
