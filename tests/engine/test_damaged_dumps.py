"""Damaged and poor dumps in the real engine: one clear line, or the same hogs with the loss named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from fixtures.build.variants import write_variant
from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting, windows_path
from tests.stackhog import CHARGED, DUMP, HOG_BYTES, HOGS, ROOT, SYMBOLS

SETTING = Setting(import_path=(ROOT,))


def run(engine: Engine, target: Target, arguments: str = "") -> str:
    """What `!py -m hogwalk ARGUMENTS` prints."""
    (step,) = engine.host(target, [f"!py -m hogwalk {arguments}"], SETTING)
    return step.output


def report(engine: Engine, target: Target) -> Dict[str, Any]:
    """The JSON report."""
    document: Dict[str, Any] = json.loads(run(engine, target, "--json"))
    return document


def variant(name: str, folder: Path) -> Target:
    """A variant of the StackHog dump, with the symbols."""
    return Target(write_variant(name, folder / f"{name}.dmp"), symbols=[SYMBOLS])


def test_without_symbols_the_hogs_are_still_named(engine: Engine) -> None:
    printed = run(engine, Target(DUMP))
    assert "Hog        StackHog (Stack Hog Software, Inc.)" in printed
    assert "no symbols (or exports only) for Ntfs, nt" in printed
    document = report(engine, Target(DUMP))
    held = {module["name"]: module["bytes"] for module in document["modules"]}
    exact = ("BossHog01", "BossHog", "BabyHog", "daddyHog", "Ntfs", "fltmgr")
    assert {name: held[name] for name in exact} == {name: CHARGED[name] for name in exact}
    hogs = sum(held[name] for name in HOGS)
    assert abs(hogs - HOG_BYTES) <= 80  # without its FPO data kf walks past the frame that called nt!ZwClose


def test_without_any_image_the_hogs_are_named_with_less_trust(engine: Engine, tmp_path: Path) -> None:
    target = variant("no-images", tmp_path)
    printed = run(engine, target)
    assert "Hog        BossHog01: 1684 bytes" in printed
    assert "without version data its product is unknown" in printed
    assert "lie in code that cannot be read" in printed
    trusts = {frame["trust"] for frame in report(engine, target)["frames"]}
    assert "unread" in trusts
    assert not trusts & {"linked", "call"}


def test_an_unreadable_stack_page_is_a_gap_and_both_sides_are_walked(engine: Engine, tmp_path: Path) -> None:
    document = report(engine, variant("stack-page-unreadable", tmp_path))
    unreadable = [gap for gap in document["gaps"] if gap["why"] == "unreadable"]
    # The newest frame that reaches into the page is known by its stack depth; the rest of the page is the gap.
    assert [gap["to"] for gap in unreadable] == ["0xb8ae8000"]
    assert 4000 < sum(gap["bytes"] for gap in unreadable) <= 4096
    assert any("b8ae7000..b8ae8000 cannot be read" in note for note in document["notes"])
    frames = [int(frame["frame_ptr"], 16) for frame in document["frames"]]
    assert min(frames) < 0xB8AE7000
    assert max(frames) > 0xB8AE8000
    walked = sum(frame["bytes"] or 0 for frame in document["frames"])
    assert walked + sum(gap["bytes"] for gap in document["gaps"]) == 12288


@pytest.mark.parametrize("name", ["zero-stack", "garbage-stack"])
def test_a_stack_without_chains_is_one_line(engine: Engine, tmp_path: Path, name: str) -> None:
    printed = run(engine, variant(name, tmp_path))
    assert printed.startswith("hogwalk: no frame can be found in this stack")
    assert printed.count("\n") == 1


def test_nonsense_limits_are_refused_with_the_reason(engine: Engine, tmp_path: Path) -> None:
    printed = run(engine, variant("nonsense-limits", tmp_path))
    assert "no usable stack range: nt!_KTHREAD says" in printed
    assert "pass --limit and --base as !thread prints them" in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--limit b8ae6001 --base b8ae9000", "not aligned to 4 bytes"),
        ("--limit b8ae9000 --base b8ae6000", "Base is not above Limit"),
        ("--limit 80000000 --base b8ae9000", "more than any stack has (16 MB)"),
        ("--limit 10000 --base 13000", "can be read"),
        ("--limit b8ae6000", "one end of the stack range is missing"),
        ("--limit zz --base b8ae9000", "the debugger finds no value for 'zz'"),
        ("--thread 12345678", "no stack range found"),
        ("walk 1 2 3", "kf finds no frame on this stack from that triple"),
        ("walk 1 2", "walk takes BASEPTR STACKPTR INSTRUCTIONPTR"),
        ("frame 12345678", "no frame 12345678"),
        ("frame #fff", "no frame #fff"),
        ("nonsense", "is neither a command nor a file"),
        ("-z other.dmp", "-z and -k are for use outside the debugger"),
    ],
)
def test_bad_words_are_one_line(engine: Engine, arguments: str, reason: str) -> None:
    printed = run(engine, Target(DUMP, symbols=[SYMBOLS]), arguments)
    lines = [line for line in printed.splitlines() if not line.endswith(" ..")]  # what a slow machine announces
    assert len(lines) == 1
    assert lines[0].startswith("hogwalk: ")
    assert reason in lines[0]


@pytest.mark.parametrize("content", [b"", b"PAGEDUMP", b"not a dump at all\n" * 1000, DUMP.read_bytes()[:100000]])
def test_a_file_that_is_no_whole_dump_is_one_line(engine: Engine, tmp_path: Path, content: bytes) -> None:
    dump = tmp_path / "memory.dmp"
    dump.write_bytes(content)
    finished = engine.python(["-m", "hogwalk", "--engine", "pykd", "-z", windows_path(dump)], SETTING)
    lines = [line for line in finished.stdout.splitlines() if line.startswith("hogwalk: ")]
    assert len(lines) == 1
    assert finished.code == 3
    assert "Traceback" not in finished.stdout + finished.stderr
