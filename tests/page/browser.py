"""A headless browser for the tests of pages: Debian's Chromium, driven by playwright."""

from __future__ import annotations

import importlib.util
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Optional

import pytest

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def found() -> Optional[str]:
    """The browser's path; None without it or without what drives it."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return path if importlib.util.find_spec("playwright") is not None else None


def chromium() -> str:
    """The browser's path; skips the test where there is none, unless this run must have everything."""
    path = found()
    if path is None:
        if os.environ.get("HOGWALK_REQUIRE_ENGINE"):
            raise AssertionError("this run needs chromium (apt-get install chromium) and playwright (pip)")
        pytest.skip("a page needs chromium and playwright to be looked at")
    return path


@contextmanager
def opened(path: Path, fragment: str = "", **context: Any) -> Iterator[Any]:
    """The page (at its `#fragment`) in a window; fails on an error in its console or a network request."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    wrong: List[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        page = browser.new_context(**{"viewport": {"width": 1300, "height": 1000}, **context}).new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith("file:") else None)
        page.goto(path.as_uri() + fragment)
        try:
            yield page
        finally:
            browser.close()
    assert not wrong, "\n".join(wrong)
