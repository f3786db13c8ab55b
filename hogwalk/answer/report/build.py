"""Builds the report of a walk: shares, gaps, cycles, notes; and checks that the books balance."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Sequence, Tuple

from hogwalk.answer.charge.books import Share, function_of, gaps, imbalance, module_of, shares
from hogwalk.answer.charge.cycles import find_cycle
from hogwalk.answer.charge.products import Product, product_shares, products
from hogwalk.answer.report.document import ModuleUse, ProductUse, Report, Start
from hogwalk.answer.report.notes import notes
from hogwalk.model import Module, Triple
from hogwalk.targets.parsers.kf import format_kf
from hogwalk.targets.protocol import Target
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.kf.choose import frame_count
from hogwalk.walk.merge.walks import Walks
from hogwalk.walk.rebuild.confidence import Confidence, confidence


def build(target: Target, evidence: Evidence, walks: Walks) -> Report:
    """The report of the debugger's walks and hogwalk's own."""
    frames = walks.frames
    module_shares = shares(frames, module_of)
    owners = owners_of(target, evidence.modules.modules, module_shares)
    modules = module_uses(evidence.modules.modules, module_shares, owners)
    found = gaps(evidence.region, frames, evidence.image.holes, evidence.image.machine.word)
    off = imbalance(evidence.region, frames, found)
    if off:
        raise AssertionError(f"the books are off by {off} bytes")
    return Report(
        about=evidence.about,
        region=evidence.region,
        registers=evidence.registers,
        candidates=evidence.candidates,
        tried=walks.tried,
        segments=walks.segments,
        comparison=walks.comparison,
        confidence=_confidence(evidence, walks, owners),
        dropped=walks.dropped,
        start=_start(evidence, walks.start),
        frames=frames,
        modules=modules,
        products=tuple(ProductUse(product, share) for product, share in product_shares(module_shares, owners)),
        functions=shares(frames, function_of),
        gaps=found,
        cycle=find_cycle(frames),
        notes=notes(target, evidence, walks, modules),
        commands=tuple(target.commands()),
    )


def _confidence(evidence: Evidence, walks: Walks, owners: Dict[str, Product]) -> Optional[Confidence]:
    if walks.own is None:
        return None

    def owner(module: str) -> Optional[str]:
        product = owners.get(module)
        if product is None:
            return module
        return None if product.system else product.name

    stated = confidence(walks.own, evidence.modules, owner)
    if stated is None or len(walks.own.frames) < 2 or walks.frames[0].bytes is not None:
        return stated
    # The first row has no bytes, as with kf: what the own walk knows of that frame is in the gap above it.
    first = walks.own.frames[1]
    same = first.return_slot == walks.frames[0].return_slot
    mine = first.symbol is not None and owner(first.symbol.module) == stated.owner
    count = first.bytes or 0 if same and mine else 0
    return replace(stated, low=max(0, stated.low - count), high=max(0, stated.high - count))


def _start(evidence: Evidence, triple: Triple) -> Start:
    candidate = next((found for found in evidence.candidates if found.triple == triple), None)
    return Start(triple, format_kf(triple, frame_count(evidence.region.size)), candidate)


def owners_of(target: Target, modules: Sequence[Module], module_shares: Sequence[Share]) -> Dict[str, Product]:
    """The product of each module that holds bytes."""
    known = {module.name for module in modules}
    names = [share.name for share in module_shares if share.name in known]
    return products(names, target.versions(names))


def module_uses(
    modules: Sequence[Module], module_shares: Sequence[Share], owners: Dict[str, Product]
) -> Tuple[ModuleUse, ...]:
    """The modules' shares with their products."""
    symbols = {module.name: module.symbols for module in modules}
    return tuple(
        ModuleUse(share, _owner(owners.get(share.name), share.name), symbols.get(share.name, ""))
        for share in module_shares
    )


def _owner(product: Optional[Product], name: str) -> Product:
    return product if product is not None else Product(name, "", (name,), False, False)
