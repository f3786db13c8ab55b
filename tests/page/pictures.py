"""README's pictures of the HTML page: python -m tests.page.pictures takes them anew (Debian's Chromium, playwright)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hogwalk.__main__ import main
from tests.page.browser import opened
from tests.stackhog import DEMO

PICTURES = Path(__file__).with_name("pictures")
SIZE = {"width": 1120, "height": 660}  # pixels
LIGHT, DARK = "light.png", "dark.png"


def take(folder: Path) -> None:
    """Take both pictures of StackHog's page: its head in light, its stack with the largest frame chosen in dark."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "stackhog.html"
        main([str(DEMO), "--html", str(page)])
        with opened(page, color_scheme="light", viewport=SIZE) as shown:
            shown.screenshot(path=str(folder / LIGHT))
        with opened(page, color_scheme="dark", viewport=SIZE) as shown:
            shown.locator("#drawing rect[data-frame='81']").click()
            shown.locator(".two").evaluate("one => one.scrollIntoView()")
            shown.screenshot(path=str(folder / DARK))


if __name__ == "__main__":
    take(PICTURES)
