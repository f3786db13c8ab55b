"""Builds the report of a walk: shares, gaps, cycles, notes; and checks that the books balance."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Sequence, Tuple

from hogwalk.answer.charge.books import NO_MODULE, Share, function_of, imbalance, module_of, shares
from hogwalk.answer.charge.cycles import find_cycle
from hogwalk.answer.charge.products import Product, product_shares, products
from hogwalk.answer.report.document import ModuleUse, ProductUse, Report, Start, Weight
from hogwalk.answer.report.notes import notes
from hogwalk.model import Frame, Module, Triple
from hogwalk.targets.parsers.kf import format_kf
from hogwalk.targets.protocol import Target
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.gaps import after_context, cut_off, gaps
from hogwalk.walk.facts.modules import Unlisted, unlisted
from hogwalk.walk.facts.process import owning_process
from hogwalk.walk.kf.choose import frame_count
from hogwalk.walk.merge.walks import Walks
from hogwalk.walk.rebuild.confidence import Confidence, confidence


def build(target: Target, evidence: Evidence, walks: Walks) -> Report:
    """The report of the debugger's walks and hogwalk's own."""
    frames = _named(target, evidence, walks.frames)
    module_shares = shares(frames, module_of)
    modules = module_uses(target, evidence.modules.modules, module_shares)
    owners = owners_of(modules)
    found = gaps(evidence.region, frames, evidence.image.holes, evidence.image.machine.word)
    found = after_context(cut_off(found, evidence.image.cut), evidence.registers, evidence.fault.newest)
    off = imbalance(evidence.region, frames, found)
    if off:
        raise AssertionError(f"the books are off by {off} bytes")
    uses = tuple(ProductUse(product, share) for product, share in product_shares(module_shares, owners))
    report = Report(
        about=evidence.about,
        region=evidence.region,
        registers=evidence.registers or evidence.fault.elsewhere,
        process=owning_process(target, evidence.region),
        newest=evidence.fault.newest,
        access=evidence.fault.access,
        raised=evidence.fault.raised,
        candidates=evidence.candidates,
        tried=walks.tried,
        segments=walks.segments,
        comparison=walks.comparison if walks.tried else (),
        confidence=None,
        dropped=walks.dropped,
        start=_start(evidence, walks.start),
        frames=frames,
        weights=_weights(walks),
        modules=modules,
        products=uses,
        functions=shares(frames, function_of),
        gaps=found,
        cycle=find_cycle(frames),
        notes=notes(target, evidence, walks, modules),
        commands=tuple(target.commands()),
        unlisted=_unlisted(target, evidence, module_shares),
    )
    return replace(report, confidence=_confidence(evidence, walks, owners, report.hog))


def _unlisted(target: Target, evidence: Evidence, module_shares: Sequence[Share]) -> Optional[Unlisted]:
    if evidence.unlisted is not None or all(share.name != NO_MODULE for share in module_shares):
        return evidence.unlisted
    return unlisted(target, whole=True)


def _confidence(
    evidence: Evidence, walks: Walks, owners: Dict[str, Product], hog: Optional[ProductUse]
) -> Optional[Confidence]:
    """How sure it is that the report's hog is the biggest; None where no reconstruction stands for it.

    A product goes by its first module here: two vendors' products may have one name.
    """
    if (
        walks.own is None
        or walks.mostly_unverified
        or hog is None
        or hog.product.system
        or hog.product.name == NO_MODULE
    ):
        return None

    def owner(module: str) -> Optional[str]:
        product = owners.get(module)
        if product is None:
            return module
        return None if product.system else product.modules[0]

    named = hog.product.modules[0]
    stated = confidence(walks.own, evidence.modules, owner, named)
    if stated is None:
        return None
    # What kf's rows alone add before and after the reconstruction, or in its place, is in no draw.
    rebuilt = sum(
        frame.bytes or 0
        for frame in walks.own.frames
        if frame.symbol is not None and owner(frame.symbol.module) == named
    )
    more = hog.share.bytes - rebuilt
    low, high = max(0, stated.low + more), max(0, stated.high + more)
    stated = replace(stated, owner=hog.product.name, low=low, high=high)
    return stated.less(evidence.image.cut_above, evidence.region.size)


def _named(target: Target, evidence: Evidence, frames: Tuple[Frame, ...]) -> Tuple[Frame, ...]:
    """The frames, the newest with its function's full name: where no register tells it, it is a call's target."""
    first = frames[0] if frames else None
    if first is None or not first.running or first.symbol is None or first.instruction in evidence.symbols:
        return frames
    (symbol,) = target.symbols([first.instruction])
    return (replace(first, symbol=symbol), *frames[1:]) if symbol is not None else frames


def _weights(walks: Walks) -> Tuple[Optional[Weight], ...]:
    """For each frame what the reconstruction says of it."""
    own = walks.own
    known: Dict[Tuple[int, int], Weight] = {}
    if own is not None:
        reasons = {reason: tuple(filter(None, reason.split("; "))) for reason in set(own.reasons)}
        for frame, probability, reason in zip(own.frames, own.probabilities, own.reasons):
            known[frame.return_slot, frame.return_address] = Weight(probability, reasons[reason])
    return tuple(known.get((frame.return_slot, frame.return_address)) for frame in walks.frames)


def _start(evidence: Evidence, triple: Triple) -> Start:
    candidate = next((found for found in evidence.candidates if found.triple == triple), None)
    return Start(triple, format_kf(triple, frame_count(evidence.region.size)), candidate)


def module_uses(target: Target, modules: Sequence[Module], module_shares: Sequence[Share]) -> Tuple[ModuleUse, ...]:
    """The modules' shares with their products and versions."""
    symbols = {module.name: module.symbols for module in modules}
    names = [share.name for share in module_shares if share.name in symbols]
    found = target.versions(names)
    owners, versions = products(names, found), dict(zip(names, found))
    return tuple(
        ModuleUse(
            share,
            owners.get(share.name) or Product(share.name, "", (share.name,), False, False),
            symbols.get(share.name, ""),
            versions.get(share.name),
        )
        for share in module_shares
    )


def owners_of(modules: Sequence[ModuleUse]) -> Dict[str, Product]:
    """The product of each module that holds bytes."""
    return {use.share.name: use.product for use in modules}
