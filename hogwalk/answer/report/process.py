"""Whether the process that owns the thread is of the hog's product, and what says so."""

from __future__ import annotations

from typing import Optional

from hogwalk.answer.report.document import Report

VERSION, NAME = "version", "name"
WHOLE = 14  # letters of an image's name that _EPROCESS keeps; of a longer one the rest is lost


def of_hog(report: Report) -> Optional[str]:
    """VERSION where the image's version resource names the hog's product, NAME where only its file name does.

    None where neither does, and where the hog is Windows itself.
    """
    process, hog = report.process, report.hog
    if process is None or hog is None or hog.product.system:
        return None
    said = process.version
    if said is not None and (said.company or said.product):
        same = _plain(said.product or said.company) == _plain(hog.product.name)
        return VERSION if same and _plain(said.company) in ("", _plain(hog.product.company)) else None
    stem = _plain(process.image.rpartition(".")[0] or process.image)
    names = [_plain(name) for name in (hog.product.name, *hog.product.modules)]
    cut = len(process.image) >= WHOLE
    return NAME if stem and any(name == stem or (cut and name.startswith(stem)) for name in names) else None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
