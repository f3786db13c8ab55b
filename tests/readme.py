"""Every output shown in README.md is what hogwalk prints: python -m tests.readme writes them anew.

A block is ```` ```text ```` behind a comment `<!-- hogwalk ARGUMENTS -->`; the arguments run on the StackHog demo.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex

from hogwalk.__main__ import main
from tests.stackhog import ROOT

README = ROOT / "README.md"
BLOCK = re.compile(r"<!-- hogwalk(?P<arguments>.*?) -->\n```text\n(?P<shown>.*?)```", re.DOTALL)


def printed(arguments: str) -> str:
    """What `hogwalk ARGUMENTS` prints on a machine without a debugger."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(shlex.split(arguments))
    return out.getvalue()


def refreshed(text: str) -> str:
    """The text with every block's output printed anew."""

    def block(found: re.Match[str]) -> str:
        arguments = found.group("arguments")
        return f"<!-- hogwalk{arguments} -->\n```text\n{printed(arguments)}```"

    return BLOCK.sub(block, text)


if __name__ == "__main__":
    README.write_text(refreshed(README.read_text()))
