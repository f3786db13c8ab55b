"""The charge as text: figures that follow from the published table, and what is said where figures are missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hogwalk.answer.render.charge import render_charge
from hogwalk.errors import BadInput
from tests.page.reports import stackhog


def text(without: str = "") -> str:
    return " ".join(" ".join(render_charge(stackhog()[0], without or None, stackhog()[1][0][1])).split())


def test_stackhog_in_full() -> None:
    said = text()
    assert "12336 of 12288 bytes, 48 more than there are" in said
    assert "StackHog's own 4496 bytes the path needs 7840 bytes and fits with 4448 left" in said
    assert "BossHog01's own 1684 bytes" in said
    assert "the 656 bytes of locals of frame b8ae8238 (in pool instead) the path needs 11680 bytes" in said
    assert "MamaHog+0x422a" in said
    assert "this path would leave none of 12 KB, 4048 of 16 KB" in said


@pytest.mark.parametrize("name", ["MamaHog", "mamahog"])
def test_what_if_by_module(name: str) -> None:
    assert "MamaHog's own 1292 bytes the path needs 11044 bytes and fits with 1244 left" in text(name)


def test_what_if_by_function() -> None:
    assert "Ntfs!NtfsCommonCleanup's own 520 bytes" in text("Ntfs!NtfsCommonCleanup")


def test_an_unknown_name_is_said() -> None:
    with pytest.raises(BadInput, match="no product, module or function named NoHog"):
        text("NoHog")


def test_without_registers_the_walked_bytes_are_the_least() -> None:
    report, _ = stackhog()
    said = " ".join(render_charge(replace(report, registers=None), None))
    assert "bytes at least, of 12288" in said
