"""The HTML report in a real browser: to scale, linked both ways, usable by keyboard, deaf to hostile names."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Sequence, Tuple

import pytest

from hogwalk.answer.explain.records import Explanation
from hogwalk.answer.render.html import page
from hogwalk.answer.report.document import Report
from tests.page.browser import opened
from tests.page.pictures import DARK, LIGHT, PICTURES, SIZE, take
from tests.page.reports import HOSTILE, hostile, many, stackhog
from tests.readme import README


def written(folder: Path, report: Report, anatomy: Sequence[Tuple[int, Explanation]] = ()) -> Path:
    path = folder / "report.html"
    path.write_text("\n".join(page(report, anatomy, ["Words of the verdict."])), encoding="utf-8")
    return path


def test_stackhog_is_small_and_every_frame_with_bytes_is_drawn(tmp_path: Path) -> None:
    report, anatomy = stackhog()
    path = written(tmp_path, report, anatomy)
    assert path.stat().st_size < 300_000
    with opened(path) as shown:
        assert shown.locator("#frames tr").count() == len(report.frames)
        drawn = sum(1 for frame in report.frames if frame.bytes)
        assert shown.locator("#drawing rect[data-frame]").count() == drawn
        heights = shown.eval_on_selector_all(
            "#drawing rect:not(.veil)", "all => all.map(one => +one.getAttribute('height'))"
        )
        assert sum(heights) == pytest.approx(1000, abs=1)  # frames and gaps are the whole stack
        assert "656  locals" in shown.locator("#anatomy ~ details pre").first.inner_text()


def test_the_drawing_and_the_table_lead_to_each_other(tmp_path: Path) -> None:
    with opened(written(tmp_path, stackhog()[0])) as shown:
        shown.locator("#drawing rect[data-frame='81']").click()
        assert shown.locator("tr[aria-selected='true']").get_attribute("id") == "f81"
        assert "MamaHog+0x422a of StackHog: 708 bytes, linked" in shown.locator("#said").inner_text()
        shown.locator("#f3 td").first.click()
        assert shown.locator("#drawing rect.on").get_attribute("data-frame") == "3"
        assert "f7a2ec45" not in shown.locator("#said").inner_text()
        run = shown.locator("#icicle rect.on")
        assert int(run.get_attribute("data-from")) <= 3 <= int(run.get_attribute("data-to"))
        shown.locator("#icicle rect").nth(2).click()
        oldest = shown.locator("#icicle rect").nth(2).get_attribute("data-to")
        assert shown.locator("tr[aria-selected='true']").get_attribute("id") == f"f{oldest}"


def test_the_cycle_is_bracketed_and_filters_all_three_views(tmp_path: Path) -> None:
    report, _ = stackhog()
    cycle = report.cycle
    assert cycle is not None
    turns = {at for start in cycle.starts for at in range(start, start + cycle.length)}
    with opened(written(tmp_path, report)) as shown:
        assert shown.locator("#drawing path.turn").count() == len(cycle.starts)
        shown.check("#cycle")
        kept = shown.eval_on_selector_all("#frames tr:not([hidden])", "all => all.map(one => +one.id.slice(1))")
        drawn = shown.eval_on_selector_all(
            "#drawing rect[data-frame]:not(.dim)", "all => all.map(one => +one.dataset.frame)"
        )
        runs = shown.eval_on_selector_all(
            "#icicle rect:not(.dim)", "all => all.map(one => [+one.dataset.from, +one.dataset.to])"
        )
    assert set(kept) == set(drawn) == turns
    assert runs
    assert all(any(first <= at <= last for at in turns) for first, last in runs)
    assert turns <= {at for first, last in runs for at in range(first, last + 1)}


def test_filters_and_keys(tmp_path: Path) -> None:
    with opened(written(tmp_path, stackhog()[0])) as shown:
        shown.select_option("#product", "StackHog")
        assert shown.locator("#shown").inner_text() == "50 frames, 4496 bytes shown"
        shown.select_option("#module", "MamaHog")
        assert shown.locator("#shown").inner_text() == "5 frames, 1292 bytes shown"
        shown.keyboard.press("Escape")
        shown.locator("h1").click()
        shown.keyboard.press("j")
        shown.keyboard.press("j")
        assert shown.locator("tr[aria-selected='true']").get_attribute("id") == "f1"
        shown.keyboard.press("/")
        shown.keyboard.type("ccmapdata")
        assert shown.locator("#frames tr:not([hidden])").count() == 2
        shown.keyboard.press("Escape")
        shown.check("#cycle")
        assert "40 frames" in shown.locator("#shown").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(tmp_path: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    report, anatomy = stackhog()
    with opened(written(tmp_path, report, anatomy), color_scheme=scheme, bypass_csp=True) as shown:
        found = axe.Axe().run(shown)
    assert found.violations_count == 0, found.generate_report()


def test_the_figures_at_its_head_are_the_report_s(tmp_path: Path) -> None:
    report, _ = stackhog()
    with opened(written(tmp_path, report)) as shown:
        figures = dict(zip(shown.locator("dt").all_inner_texts(), shown.locator("dd b").all_inner_texts()))
        widths = shown.eval_on_selector_all(".shares rect", "all => all.map(one => +one.getAttribute('width'))")
    assert figures == {"Overflow": "yes", "StackHog": "4496 bytes", "Largest frame": "708 bytes", "Sure?": "over 99 %"}
    assert widths == [pytest.approx(1000 * held / 12288, abs=0.01) for held in (4496, 7084, 708)]


def test_a_frame_that_is_not_sure_is_hatched(tmp_path: Path) -> None:
    report, _ = stackhog()
    weights = tuple(
        replace(one, probability=0.5) if one is not None and at == 81 else one for at, one in enumerate(report.weights)
    )
    with opened(written(tmp_path, replace(report, weights=weights))) as shown:
        assert shown.locator("#drawing rect.veil").count() == 1
        assert "hatched: not sure" in shown.locator(".legend").inner_text()
        shown.locator("#f81 td").first.click()
        assert "50 % live" in shown.locator("#said").inner_text()


def test_two_thousand_frames_stay_bounded(tmp_path: Path) -> None:
    path = written(tmp_path, many(2000))
    assert path.stat().st_size < 2_000_000
    with opened(path) as shown:
        assert shown.evaluate("document.getElementsByTagName('*').length") < 40_000
        shown.fill("#word", "KiTrap0E")
        count = shown.locator("#frames tr:not([hidden])").count()
        assert 0 < count < 100


def test_hostile_names_are_text(tmp_path: Path) -> None:
    path = written(tmp_path, hostile())
    with opened(path) as shown:
        assert shown.locator("script").count() == 1
        shown.on("dialog", lambda dialog: pytest.fail(dialog.message))
        assert shown.locator("#f1 td.name").first.inner_text().startswith(f"{HOSTILE[:20]}")
    assert "\u202e" not in path.read_text(encoding="utf-8")


def test_the_policy_stops_a_script_that_is_not_ours(tmp_path: Path) -> None:
    path = written(tmp_path, stackhog()[0])
    path.write_text(path.read_text().replace("</main>", "<script>document.title = 'taken'</script></main>"))
    with pytest.raises(AssertionError, match=r"(?i)content.security.policy"), opened(path) as shown:
        assert shown.title() == "hogwalk: StackHog"


def test_it_prints_on_a4(tmp_path: Path) -> None:
    report, anatomy = stackhog()
    with opened(written(tmp_path, report, anatomy)) as shown:
        printed = shown.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") in range(2, 12)


def test_readme_shows_pictures_that_a_command_takes(tmp_path: Path) -> None:
    take(tmp_path / "pictures")
    for name in (LIGHT, DARK):
        taken, kept = ((folder / name).read_bytes() for folder in (tmp_path / "pictures", PICTURES))
        assert taken[:8] == kept[:8] == b"\x89PNG\r\n\x1a\n"
        assert taken[16:24] == kept[16:24] == struct.pack(">II", SIZE["width"], SIZE["height"])
        assert len(kept) < 200_000
        assert f"](tests/page/pictures/{name})" in README.read_text()
