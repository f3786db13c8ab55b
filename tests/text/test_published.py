"""The walkthrough and a real session, as text: what they say, whatever mail and editors did to them."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import lru_cache
from typing import Any, Tuple

import pytest

from hogwalk.errors import NoDebugger, Unreadable
from hogwalk.model import BugCheck, Module, Symbol, Version
from hogwalk.targets.parsers.kf import parse_kf
from hogwalk.targets.protocol import Target
from hogwalk.targets.text import TextTarget, open_text
from tests.text.logs import LOGS, MANGLERS, known, log, opened, segments

KF = "kf=b8ae6100 b8ae60ec 8081df65"


def test_excerpt_alone_gives_words_and_symbols() -> None:
    target = open_text(LOGS / "walkthrough-excerpt.txt")
    region = target.stack_hint()
    assert region is not None
    assert (region.limit, region.base, region.thread) == (0xB8AE60EC, 0xB8AE614C, None)
    assert "dumped range" in region.source
    assert target.read(0xB8AE6100, 8) == bytes.fromhex("2861aeb8 45eca2f7")
    assert target.symbols([0x8081DF65, 0xF7A2EC45, 0x12345678]) == (
        Symbol("nt", "IofCallDriver", 0x45),
        Symbol("fltmgr", "FltpDispatch", 0x6F),
        None,
    )
    with pytest.raises(Unreadable):
        target.read(0xB8AE6148, 8)


def test_excerpt_names_what_is_missing_and_how_to_get_it() -> None:
    commands = [missing.command for missing in open_text(LOGS / "walkthrough-excerpt.txt").missing()]
    assert commands == ["!thread", "lm", "lmv m BossHog;lmv m nt;lmv m fltmgr", ".bugcheck"]


def test_whole_walkthrough() -> None:
    target = open_text(LOGS / "walkthrough.txt")
    region = target.stack_hint()
    assert region is not None
    assert (region.limit, region.base, region.source) == (0xB8AE6000, 0xB8AE9000, "!thread in the log")
    assert target.missing()[0].what == "11756 of the stack's 12288 bytes"
    assert target.missing()[0].command == "dps b8ae6000 b8ae9000"
    assert target.about().machine == "x86"
    assert target.about().kind == "text"
    # The pointer the call went through, and the function it points to, both from the text.
    assert target.read(0xB9596090, 4) == bytes.fromhex("d0c0d8b8")
    assert target.read(0xB8D8C0D0, 9) == bytes.fromhex("558bec6aff6840e2d9")
    assert target.read(0xB8D8C0ED, 6) == bytes.fromhex("81c470fdffff")


def test_return_addresses_of_a_stack_table_are_words_of_the_stack() -> None:
    before, kf = log("stackhog.log").split("kd> kf=")
    dumped, walked = opened(before), opened("kd> kf=" + kf.split("kd> lmv")[0])
    region = walked.stack_hint()
    assert region is not None
    assert (region.limit, region.base) == (0xB8AE6000, 0xB8AE9000)
    assert "printed rows" in region.source
    slots = [slot for slot in range(region.limit, region.base, 4) if known(walked, slot)]
    assert len(slots) == 113  # 118 rows less 4 of 0 bytes and the user-mode one
    assert all(walked.read(slot, 4) == dumped.read(slot, 4) for slot in slots)


def test_the_dump_counts_more_than_a_stack_table() -> None:
    table = " # ChildEBP RetAddr\n00 00001000 00000009 nt!F+0x45\n"
    for text in (table + "\n00001004  00000007\n", "00001004  00000007\n" + table):
        assert opened(text).read(0x1004, 4) == b"\7\0\0\0"


def test_modules_are_inferred_from_symbols() -> None:
    target = open_text(LOGS / "walkthrough.txt")
    modules = {module.name: module for module in target.modules()}
    assert {name: module.start for name, module in modules.items() if module.symbols == "none"} == {
        "daddyHog": 0xB7682000,
        "MamaHog": 0xB8D89000,
    }
    assert modules["BossHog01"].start == 0xB76F4000
    assert modules["BabyHog"].start == 0xB958D000
    assert target.inferred == target.modules()
    for module in target.modules():
        assert module.start % 0x1000 == module.end % 0x1000 == 0
    assert all(lower.end <= higher.start for lower, higher in zip(target.modules(), target.modules()[1:]))


def test_only_commands_of_the_log_are_answered() -> None:
    target = open_text(LOGS / "walkthrough.txt")
    table = parse_kf(target.command(KF))
    assert len(table.rows) == 118
    assert table.unparsed == ()
    assert target.command(f"{KF} 0x200") == target.command(KF)  # 118 rows: no default depth cut it short
    for other in ("kf=b8ae6128 b8ae60ec 8081df65", "lm", "!analyze -v", ""):
        with pytest.raises(NoDebugger, match="does not hold"):
            target.command(other)


def test_a_walk_that_may_be_cut_short_is_no_answer() -> None:
    rows = "\n".join(log("walkthrough.txt").split("kf=")[1].split("\n")[2:23])
    text = f"kd> {KF} 0x14\n  Memory  ChildEBP RetAddr\n{rows}\n"
    (table,) = opened(text)._facts.tables
    assert len(table.rows) == 20
    assert opened(text).command(f"{KF} 0x14")
    with pytest.raises(NoDebugger):
        opened(text).command(f"{KF} 0x200")


def test_real_session() -> None:
    target = open_text(LOGS / "stackhog.log")
    assert target.about().bugcheck == BugCheck(0x7F, (8, 0x80042000, 0, 0))
    assert target.modules()[0] == Module("nt", 0x80800000, 0x8093C000, "pdb")
    assert [module.name for module in target.modules()] == [
        "nt", "daddyHog", "BossHog01", "BossHog", "MamaHog", "BabyHog", "Ntfs", "fltmgr",
    ]  # fmt: skip
    hogs = ["BabyHog", "BossHog", "BossHog01", "MamaHog", "daddyHog"]
    versions = [version for version in target.versions(hogs) if version]
    assert len(versions) == 5
    assert len({version.product for version in versions}) == 1
    assert target.versions(["nt", "none such"]) == (None, None)
    assert target.read(0xB8AE6000, 0x3000)[0x100:0x108] == bytes.fromhex("2861aeb8 45eca2f7")
    assert 0xB8AE5000 <= target.registers()[0].sp < 0xB8AE9000  # .tss 28, not the empty `r`
    assert target.symbols([0xB958E196]) == (Symbol("BabyHog", "", 0x1196),)


def test_dd_says_the_same_as_dps() -> None:
    text = log("stackhog.log")
    before, dps = text.split("kd> dps ")
    rest, dd = dps.split("kd> dd ")
    by_dd = opened(before + "kd> dd " + dd)
    assert by_dd.read(0xB8AE6000, 0x3000) == opened(before + "kd> dps " + rest).read(0xB8AE6000, 0x3000)
    assert by_dd.symbols([0x8081DF65]) == (Symbol("nt", "", 0x1DF65),)
    assert "the symbols of the words on the stack" in [missing.what for missing in by_dd.missing()]


def _said(target: TextTarget) -> Tuple[Any, ...]:
    addresses = sorted(target._facts.symbols)
    return (
        replace(target.about(), source=""),
        target.stack_hint(),
        segments(target),
        target.modules(),
        list(zip(addresses, target.symbols(addresses))),
        target.printed_walk(),
        target._facts.tables,
        target.missing(),
        target.registers(),
        target.versions([module.name for module in target.modules()]),
    )


@pytest.mark.parametrize("name", ["walkthrough-excerpt.txt", "walkthrough.txt", "stackhog.log"])
@pytest.mark.parametrize("how", sorted(MANGLERS))
def test_mangled_logs_say_the_same(how: str, name: str) -> None:
    assert _said(open_text(io.BytesIO(MANGLERS[how](log(name))))) == _unmangled(name)


@lru_cache(maxsize=None)
def _unmangled(name: str) -> Tuple[Any, ...]:
    return _said(opened(log(name)))


def test_a_text_target_is_a_target() -> None:
    target = open_text(LOGS / "walkthrough.txt")
    as_protocol: Target = target  # mypy proves it
    assert as_protocol is target
    assert target.field("_KTHREAD", "StackLimit") is None
    assert target.debugger_block() is None
    assert target.thread() is None
    assert target.versions(["BabyHog"]) == (None,)
    assert target.commands() == ()
    walk = target.printed_walk()
    assert walk is not None
    assert walk.command == KF
    assert target.notes[0] == (
        "the log lacks 11756 of the stack's 12288 bytes: run `dps b8ae6000 b8ae9000` and paste that, too"
    )


def test_versions_come_from_lmv() -> None:
    text = log("walkthrough.txt") + (
        "3: kd> lm kv m BabyHog\nstart    end        module name\n"
        "b958d000 b9598000   BabyHog    (no symbols)\n"
        "    Image path: BabyHog.sys\n    CompanyName:      Hog Corp\n    ProductName:      StackHog\n"
    )
    target = opened(text)
    assert target.versions(["BabyHog"]) == (Version("Hog Corp", "StackHog", "", ""),)
    assert Module("BabyHog", 0xB958D000, 0xB9598000, "none") in target.modules()
    assert "BabyHog" not in [module.name for module in target.inferred]
