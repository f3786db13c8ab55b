"""The process that owns the thread: found at every door, said where its product is the hog's, and what says so."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Optional

import pytest

from hogwalk.analysis import Run
from hogwalk.answer.render.json_report import document
from hogwalk.answer.render.triage import render
from hogwalk.answer.render.verdict import verdict
from hogwalk.answer.report.document import Report
from hogwalk.answer.report.process import NAME, VERSION, of_hog
from hogwalk.model import Process, Version
from hogwalk.targets.recorder import Recorder
from hogwalk.targets.recording import Replay
from hogwalk.targets.text import open_text
from hogwalk.walk.evidence import Request
from tests.core.scenes import SERVICE, THREAD, Machine, machine, report_of, silent, usual_stack
from tests.dump.contents import stackhog

PROCESS = 0x874C6800


def scene(image: bytes = b"Drawn Filter.exe", typed: bool = True) -> Machine:
    drawn = machine()
    usual_stack(drawn)
    if typed:
        drawn.target.fields.update({("_ETHREAD", "ThreadsProcess"): 0x224, ("_EPROCESS", "ImageFileName"): 0x164})
        drawn.target.put_words(THREAD + 0x224, PROCESS)
        drawn.target.put(PROCESS + 0x164, image[:15].ljust(16, b"\0"))
    return drawn


def test_by_the_types_and_in_every_answer() -> None:
    report = report_of(scene().target)
    assert report.process == Process(PROCESS, "Drawn Filter.ex")
    assert document(report)["process"] == {
        "address": f"0x{PROCESS:08x}", "image": "Drawn Filter.ex", "product": None, "of_hog": "name",
    }  # fmt: skip
    assert f"Process    {PROCESS:08x}  Drawn Filter.ex: by its name it is of the hog's product" in list(render(report))
    assert "Process Drawn Filter.ex has its name." in " ".join(verdict(report))


def test_nothing_is_said_of_a_process_that_nothing_names() -> None:
    for drawn in (scene(typed=False), scene()):
        drawn.target.put_words(THREAD + 0x224, 0x1000)
        report = report_of(drawn.target)
        assert report.process is None
        assert document(report)["process"] is None
        assert "Process" not in " ".join(map(str, render(report)))


def test_a_recording_holds_it() -> None:
    recorder = Recorder(scene().target)
    first = Run(recorder, Request(), None, silent).report()
    again = Run(Replay(recorder.lines(), "drawn"), Request(), None, silent).report()
    assert again.process == first.process == Process(PROCESS, "Drawn Filter.ex")


def test_a_log_s_own_line() -> None:
    text = b"Owning Process            874c6800       Image:         StackHog.exe\nBase b8ae9000 Limit b8ae6000\n"
    rows = b"".join(b"b8ae8%03x  80802%03x nt!A+0x%x\n" % (at, at, at) for at in range(0, 0x100, 4))
    target = open_text(io.BytesIO(b"kd> !thread\n" + text + b"kd> dps b8ae8000 b8ae9000\n" + rows))
    assert target.process() == Process(0x874C6800, "StackHog.exe")


@pytest.mark.parametrize(
    ("image", "version", "said"),
    [
        ("hog.exe", None, NAME),
        ("HOG.EXE", None, NAME),
        ("drawnfilter.exe", None, NAME),
        ("System", None, None),
        ("hogwash.exe", None, None),
        ("any.exe", SERVICE, VERSION),
        ("hog.exe", replace(SERVICE, product="Another"), None),
        ("hog.exe", replace(SERVICE, company="Another"), None),
        ("hog.exe", Version("", "", "", "1.0"), NAME),
        ("", None, None),
    ],
)
def test_what_makes_it_the_hog_s(image: str, version: Optional[Version], said: Optional[str]) -> None:
    report: Report = replace(report_of(scene().target), process=Process(PROCESS, image, version))
    assert of_hog(report) == said


def test_the_image_s_own_version_is_read_where_it_is_mapped() -> None:
    drawn = scene()
    contents = stackhog()
    driver = next(one for one in contents.drivers() if one.file == "BabyHog.sys")
    image = b"".join(contents.pages.get(driver.start + at, bytes(0x1000)) for at in range(0, driver.size, 0x1000))
    drawn.target.fields[("_EPROCESS", "SectionBaseAddress")] = 0x114
    drawn.target.put_words(PROCESS + 0x114, 0x400000)
    drawn.target.put(0x400000, image)
    process = report_of(drawn.target).process
    assert process is not None
    assert process.version is not None
    assert process.version.product == "StackHog"
