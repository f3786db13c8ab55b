"""A debugger's answers count for what was asked only, whatever names are planted among them."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import Module, Symbol, Version
from hogwalk.targets.parsers.asked import Listed, Loaded, details, foreign_notes, loaded, remarks_on, symbols

NT = Listed(0x80800000, 0x8093C000, "nt")
EVIL = Listed(0xB76F4000, 0xB770F000, "evil")
HOG = Listed(0xB80BA000, 0xB80D5000, "hog")
LISTED = (NT, EVIL, HOG)
HEAD = "start    end        module name"
# As dbgeng 10.0.15063 prints an image name with line breaks in it.
LM = f"""\
{HEAD}
80800000 8093c000   nt         (pdb symbols)          z:\\nt.pdb
b76f4000 b770f000   evil       (export symbols)       a
80000000 80001000 x;.logopen"pwned.txt" (deferred)
b80ba000 b80bb000 nt (pdb symbols)
z.sys
b80ba000 b80d5000   hog        (deferred)
"""


class Debugger:
    """Gives the next of its answers to every command."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.ran: List[str] = []

    def __call__(self, command: str) -> str:
        self.ran.append(command)
        return self.answers.pop(0)


def known(text: str = LM, listed: Optional[Sequence[Listed]] = LISTED) -> Loaded:
    return loaded(text, listed, 4)[0]


def named(texts: str, *alone: str) -> List[Optional[Symbol]]:
    """The symbols of an address in nt and of one in hog."""
    return list(symbols(Debugger(texts, *alone), [0x8081DF65, 0xB80BA010], known(), X86))


def test_rows_of_no_loaded_module_are_left_out_and_said() -> None:
    found, foreign = loaded(LM, LISTED, 4)
    assert found.modules == (
        Module("nt", 0x80800000, 0x8093C000, "pdb"),
        Module("evil", 0xB76F4000, 0xB770F000, "export"),
        Module("hog", 0xB80BA000, 0xB80D5000, "deferred"),
    )
    assert [(row.start, row.end) for row in foreign] == [(0x80000000, 0x80001000), (0xB80BA000, 0xB80BB000)]
    (note,) = foreign_notes(foreign)
    assert note.startswith("2 rows of `lm` left out, for no such module is loaded: 80000000..80001000 x;.logopen")
    assert foreign_notes(()) == ()


def test_without_a_list_rows_that_do_not_rise_are_left_out() -> None:
    found, foreign = loaded(LM, None, 4)
    assert [module.name for module in found.modules] == ["nt", "evil", "nt"]
    assert [row.start for row in foreign] == [0x80000000, 0xB80BA000]


def test_a_symbol_planted_by_a_message_is_asked_again_alone() -> None:
    planted = "nt!Io+0x45 (8081df65)\n*** ERROR: no symbols for a\nnt!Fake (8081df65)\nz.sys -\nhog+0x10 (b80ba010)\n"
    debugger = Debugger(planted, "nt!Io+0x45 (8081df65)\n")
    found = symbols(debugger, [0x8081DF65, 0xB80BA010, 0x8081DF65], known(), X86)
    assert found == (Symbol("nt", "Io", 0x45), Symbol("hog", "", 0x10), Symbol("nt", "Io", 0x45))
    assert (
        debugger.ran[1] == '.foreach /s (hogwalk_word "ffffffff8081df65") {.printf "%y\\n", @@masm(0x${hogwalk_word})}'
    )


def test_what_cannot_be_told_apart_is_its_module_alone() -> None:
    twice = "nt!Io+0x45 (8081df65)\nnt!Fake (8081df65)\nhog+0x10 (b80ba010)\n"
    assert named(twice, twice) == [Symbol("nt", "", 0x1DF65), Symbol("hog", "", 0x10)]


def test_a_symbol_of_another_module_is_not_taken() -> None:
    assert named("nt!Io (8081df65)\nnt!KeBugCheck (b80ba010)\n") == [Symbol("nt", "Io", 0), Symbol("hog", "", 0x10)]
    (outside,) = symbols(Debugger("nt!Io (7ffe0300)\n"), [0x7FFE0300], known(), X86)
    assert outside is None
    (shared,) = symbols(Debugger("SharedUserData!Call (7ffe0300)\n"), [0x7FFE0300], known(), X86)
    assert shared == Symbol("SharedUserData", "Call", 0)


def test_a_module_without_a_name_is_called_by_its_address() -> None:
    modules = known(LM, [NT, Listed(EVIL.start, EVIL.end, ""), HOG])
    assert modules.modules[1].name == "Unknown_Module_b76f4000"
    answers = "!DEVICE::Pass+0x48 (b76fb994)\n+0x10 (b76f4010)\n (b76f4000)\n"
    assert symbols(Debugger(answers), [0xB76FB994, 0xB76F4010, 0xB76F4000], modules, X86) == (
        Symbol("Unknown_Module_b76f4000", "DEVICE::Pass", 0x48),
        Symbol("Unknown_Module_b76f4000", "", 0x10),
        Symbol("Unknown_Module_b76f4000", "", 0),
    )


def block(module: Listed, company: str, planted: str = "") -> str:
    row = f"{module.start:08x} {module.end:08x}   {module.name}   (deferred)"
    return f"{HEAD}\n{row}\n    Image path: a{planted}\n    CompanyName:      {company}\n"


def versions(debugger: Debugger, names: List[str]) -> Tuple[Optional[Version], ...]:
    return tuple(one.version if one is not None else None for one in details(debugger, names, known(), X86))


def test_versions_are_asked_by_address_and_taken_in_order() -> None:
    debugger = Debugger(block(HOG, "Hog Inc.") + block(NT, "Microsoft"))
    found = versions(debugger, ["hog", "nt", "absent"])
    assert found == (Version("Hog Inc.", "", "", ""), Version("Microsoft", "", "", ""), None)
    assert debugger.ran == ["lmv a 0xffffffffb80ba000;lmv a 0xffffffff80800000"]


def test_a_planted_version_is_asked_again_module_by_module() -> None:
    planted = "\n80800000 8093c000   nt   (deferred)\n    CompanyName:      Evil"
    evil, nt = block(EVIL, "Evil Inc.", planted), block(NT, "Microsoft")
    debugger = Debugger(evil + nt, evil, nt)
    found = versions(debugger, ["evil", "nt"])
    assert [version.company for version in found if version] == ["Evil", "Microsoft"]
    assert debugger.ran == [
        "lmv a 0xffffffffb76f4000;lmv a 0xffffffff80800000",
        "lmv a 0xffffffffb76f4000",
        "lmv a 0xffffffff80800000",
    ]


def test_what_the_debugger_says_once_of_files_is_made_again_from_its_list() -> None:
    mapped = "    Mapped memory image file: C:\\images\\nt.exe\n"
    rows = (
        f"{HEAD}\n80800000 8093c000   nt       C (pdb symbols)  nt.pdb\n{mapped}"
        f"{HEAD}\nb80ba000 b80d5000   hog    T (export symbols)  hog.sys\n"
    )
    found = details(Debugger(rows), ["nt", "hog"], known(), X86)
    assert list(remarks_on(found)) == [
        "*** WARNING: Unable to verify checksum for nt",
        "Unable to load image hog, Win32 error 0n2",
        "*** WARNING: Unable to verify timestamp for hog",
    ]
    deferred = block(NT, "Microsoft") + block(HOG, "Hog Inc.")
    assert list(remarks_on(details(Debugger(deferred), ["nt", "hog"], known(), X86))) == []
