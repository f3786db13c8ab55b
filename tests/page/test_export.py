"""Each export in its consumer's own code: speedscope, csv, an XML reader, a Markdown reader."""

from __future__ import annotations

import base64
import csv
import json
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import List, Tuple

import pytest
from markdown_it import MarkdownIt

from hogwalk.answer.render.export import DEEPEST, folded, markdown, speedscope, svg, table
from tests.page.browser import opened
from tests.page.reports import hostile, many, stackhog
from tests.stackhog import CHARGED, HOG_BYTES

WIDE = 2000
SPEEDSCOPE = "speedscope@1.25.0"


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """speedscope's own page, from the npm registry."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("speedscope comes from the npm registry, and this machine has no npm")
    folder = tmp_path_factory.mktemp("speedscope")
    done = subprocess.run(
        [npm, "pack", "--silent", "speedscope@1.25.0"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    packed = next(folder.glob("speedscope-*.tgz"), None)
    if packed is None:
        pytest.skip(f"the npm registry does not answer: {done.stderr.strip()[-200:]}")
    shutil.unpack_archive(packed, folder)
    return folder / "package" / "dist" / "release" / "index.html"


def loaded(viewer: Path, folder: Path, name: str, content: str) -> Tuple[str, str]:
    """The title and the text of speedscope's page with a profile, handed over as its own command line does."""
    packed = base64.b64encode(content.encode()).decode()
    script = folder / "profile.js"
    script.write_text(f"speedscope.loadFileFromBase64({json.dumps(name)}, {json.dumps(packed)})")
    with opened(viewer, f"#localProfilePath={script}") as shown:
        shown.wait_for_function("document.title.includes('hog') || document.body.innerText.includes('Something went')")
        return shown.title(), shown.inner_text("body")


def test_speedscope_takes_its_own_format(viewer: Path, tmp_path: Path) -> None:
    title, body = loaded(viewer, tmp_path, "stackhog.json", json.dumps(speedscope(stackhog()[0])))
    assert title.startswith(("hogwalk", "stack")), title
    assert "Sandwich" in body


def test_speedscope_takes_the_folded_stacks(viewer: Path, tmp_path: Path) -> None:
    title, body = loaded(viewer, tmp_path, "hog.folded.txt", "\n".join(folded(stackhog()[0])))
    assert "hog.folded" in title
    assert "Sandwich" in body


def test_a_profile_spans_all_walked_bytes_and_closes_what_it_opens() -> None:
    profile = speedscope(stackhog()[0])["profiles"][0]
    assert profile["endValue"] == sum(CHARGED.values())
    stack: List[int] = []
    for event in profile["events"]:
        if event["type"] == "O":
            stack.append(event["frame"])
        else:
            assert stack.pop() == event["frame"]
    assert stack == []


def test_folded_stacks_sum_up_and_stay_bounded() -> None:
    lines = list(folded(stackhog()[0]))
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == sum(CHARGED.values())
    assert lines[-1].rpartition(" ")[0].endswith(";nt!IofCallDriver;Ntfs!NtfsFsdDispatchWait")
    assert sum(map(len, folded(many(WIDE)))) < WIDE * DEEPEST * 60


def test_the_table_is_csv_with_the_sums_of_the_report() -> None:
    rows = list(csv.DictReader(table(stackhog()[0])))
    assert sum(int(row["bytes"] or 0) for row in rows if row["product"] == "StackHog") == HOG_BYTES
    assert rows[81]["frame_ptr"] == "0xb8ae8238"
    assert rows[81]["symbol"] == "MamaHog+0x422a"


def test_a_name_is_no_formula_in_a_spreadsheet() -> None:
    for row in csv.DictReader(table(hostile())):
        assert not any((cell or "").startswith(("=", "+", "-", "@")) for cell in row.values())


def test_the_drawing_is_an_svg_of_its_own(tmp_path: Path) -> None:
    for name, report in (("hog", stackhog()[0]), ("hostile", hostile())):
        root = ElementTree.fromstring("\n".join(svg(report)))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert [one.tag for one in root.iter() if one.tag.endswith("script")] == []
        path = tmp_path / f"{name}.svg"
        path.write_text("\n".join(svg(report)), encoding="utf-8")
        with opened(path) as shown:
            assert shown.locator("rect").count() > 100


def test_the_bug_report_is_markdown_with_two_tables() -> None:
    html = MarkdownIt("js-default").render("\n".join(markdown(stackhog()[0], ["StackHog holds 4,496 bytes."])))
    assert html.count("<table>") == 2
    assert "<td>StackHog</td>" in html
    assert "<code>b8ae8238</code>" in html


def test_names_in_the_bug_report_are_text() -> None:
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render("\n".join(markdown(hostile(), [])))
    assert "<script" not in html
    assert html.count("<table>") == 2
