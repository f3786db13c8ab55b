"""Products: modules grouped by what their version resources say, never by their names."""

from __future__ import annotations

from typing import Dict, Optional

from hypothesis import given
from hypothesis import strategies as st

from hogwalk.answer.charge.books import NO_MODULE, module_of, shares
from hogwalk.answer.charge.products import Product, ascii_text, product_shares, products
from hogwalk.model import Triple, Version
from tests.core.scenes import frame, machine, report_of, usual_stack


def version(company: str, product: str) -> Version:
    return Version(company, product, "", "1.0")


def grouped(**versions: Optional[Version]) -> Dict[str, Product]:
    return products(list(versions), list(versions.values()))


def test_modules_of_one_company_and_product_are_one() -> None:
    found = grouped(a=version("Hog Inc.", "Hog"), b=version("Hog Inc.", "Hog"), c=version("Hog Inc.", "Other"))
    assert found["a"] is found["b"]
    assert found["a"] == Product("Hog", "Hog Inc.", ("a", "b"), True, False)
    assert found["c"].modules == ("c",)


def test_the_same_product_name_of_two_companies_is_two() -> None:
    found = grouped(a=version("One", "Filter"), b=version("Two", "Filter"))
    assert found["a"] != found["b"]


def test_similar_names_never_group() -> None:
    found = grouped(hog01=None, hog02=None, hog=version("Hog Inc.", "Hog"))
    assert [product.modules for product in found.values()] == [("hog01",), ("hog02",), ("hog",)]


def test_a_module_without_version_data_is_its_own_product_and_known_as_such() -> None:
    for silent in (None, version("", ""), version("  ", " ")):
        product = grouped(hog=silent)["hog"]
        assert product == Product("hog", "", ("hog",), False, False)


def test_a_module_is_not_grouped_with_a_product_that_bears_its_name() -> None:
    found = grouped(Hog=None, other=version("", "Hog"))
    assert found["Hog"].modules == ("Hog",)
    assert not found["Hog"].known
    assert found["other"].known


def test_company_or_product_alone_is_enough() -> None:
    found = grouped(a=version("Hog Inc.", ""), b=version("Hog Inc.", ""), c=version("", "Hog"))
    assert (found["a"].name, found["a"].modules, found["a"].known) == ("Hog Inc.", ("a", "b"), True)
    assert (found["c"].name, found["c"].company) == ("Hog", "")


def test_blanks_around_the_texts_do_not_matter() -> None:
    assert len(set(map(id, grouped(a=version("Hog ", "X"), b=version(" Hog", "X ")).values()))) == 1


def test_the_kernels_product_is_the_systems() -> None:
    microsoft = version("Microsoft Corporation", "Windows")
    found = grouped(nt=microsoft, Ntfs=microsoft, hog=version("Hog Inc.", "Hog"))
    assert found["Ntfs"].system
    assert not found["hog"].system


def test_signs_are_spelt_out_and_accents_dropped() -> None:
    assert ascii_text("Microsoft\u00ae Windows\u2122 \u00a9") == "Microsoft(R) Windows(TM) (C)"
    assert ascii_text("Zo\u00eb M\u00fcller") == "Zoe Muller"
    assert ascii_text("\u30db\u30b0") == "??"


@given(st.text())
def test_any_text_comes_out_in_ascii(text: str) -> None:
    found = ascii_text(text)
    assert found.isascii()
    assert found.isprintable()


def test_names_that_differ_only_outside_ascii_stay_two_products() -> None:
    found = grouped(a=version("", "\u30db"), b=version("", "\u30b0"))
    assert found["a"].modules == ("a",)
    assert found["b"].modules == ("b",)


def test_shares_of_a_product_are_the_sum_of_its_modules() -> None:
    owners = grouped(a=version("Hog Inc.", "Hog"), b=version("Hog Inc.", "Hog"), c=None)
    frames = [frame("a", "f", 8), frame("b", "g", 32), frame("c", "h", 24), frame("a", "f", 4)]
    found = product_shares(shares(frames, module_of), owners)
    assert [(product.name, share.bytes, share.frames) for product, share in found] == [("Hog", 44, 3), ("c", 24, 1)]
    assert found[0][1].largest is frames[1]


def test_frames_in_no_module_belong_to_no_product_and_are_never_the_hog() -> None:
    scene = machine()
    stack = usual_stack(scene, frames=8, size=0x40)
    first = stack.limit + 0x80
    for number in range(3, 7):
        scene.target.put_words(first + 0x40 * number + 4, 0x12345678)
    report = report_of(scene.target, triple=Triple(first + 0x40, first, scene.hog_ring[-1]))
    assert report.modules[0].share.name == NO_MODULE
    assert report.hog is not None
    assert report.hog.product.name == "Drawn Filter"
    assert not any("no version data" in note for note in report.notes)


def test_missing_version_data_is_said_so() -> None:
    scene = machine()
    usual_stack(scene)
    del scene.target.version_data["hog"]
    report = report_of(scene.target)
    assert (
        "no version data for hog: each counts as a product of its own; their images (-i, .exepath) would tell"
        in report.notes
    )
    assert report.hog is not None
    assert (report.hog.product.name, report.hog.product.known) == ("hog", False)
