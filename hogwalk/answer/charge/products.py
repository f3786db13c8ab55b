"""Groups modules into products by what their version resources say, never by their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from hogwalk.answer.charge.books import Share
from hogwalk.answer.charge.inbox import inbox_modules
from hogwalk.machine.windows import SYSTEM
from hogwalk.model import Version
from hogwalk.printable import printable

SIGNS = {"\u00ae": "(R)", "\u2122": "(TM)", "\u00a9": "(C)"}


@dataclass(frozen=True)
class Product:
    """Modules that share CompanyName and ProductName; `known` is False for a module without version data.

    `system` marks the product that the kernel (in user mode ntdll) belongs to, and, without version data, a module
    whose name is that of one of Windows' own: a guess.
    """

    name: str
    company: str
    modules: Tuple[str, ...]
    known: bool
    system: bool


def products(modules: Sequence[str], versions: Sequence[Optional[Version]]) -> Dict[str, Product]:
    """The product of each module."""
    groups: Dict[Tuple[str, str], List[str]] = {}
    for module, version in zip(modules, versions):
        groups.setdefault(_key(module, version), []).append(module)
    found: Dict[str, Product] = {}
    for (company, name), members in groups.items():
        known = bool(company or name.strip()) and not name.startswith(_ALONE)
        label = name[len(_ALONE) :] if name.startswith(_ALONE) else name or company
        system = any(name in members for name in SYSTEM) or (not known and label.lower() in inbox_modules())
        product = Product(ascii_text(label), ascii_text(company), tuple(members), known, system)
        found.update((member, product) for member in members)
    return found


_ALONE = "\0"  # marks a module without version data, which is a product of its own


def _key(module: str, version: Optional[Version]) -> Tuple[str, str]:
    if version is None or not (version.product.strip() or version.company.strip()):
        return ("", _ALONE + module)
    return (version.company.strip(), version.product.strip())


def linked_on(version: Optional[Version]) -> str:
    """The day (UTC) on which the linker made a module, YYYY-MM-DD; "" where it is not known."""
    if version is None or version.linked is None:
        return ""
    from datetime import datetime, timedelta

    return (datetime(1970, 1, 1) + timedelta(seconds=version.linked)).strftime("%Y-%m-%d")


def product_shares(module_shares: Sequence[Share], owners: Dict[str, Product]) -> Tuple[Tuple[Product, Share], ...]:
    """Each product with the sum of its modules' shares, most bytes first."""
    sums: Dict[Product, Share] = {}
    for share in module_shares:
        product = owners.get(share.name) or Product(share.name, "", (share.name,), False, False)
        held = sums.get(product)
        sums[product] = (
            _joined(held, share) if held is not None else Share(product.name, share.bytes, share.frames, share.largest)
        )
    return tuple(sorted(sums.items(), key=lambda item: (-item[1].bytes, item[0].name)))


def _joined(one: Share, other: Share) -> Share:
    frames = [frame for frame in (one.largest, other.largest) if frame is not None]
    largest = max(frames, key=lambda frame: frame.bytes or 0) if frames else None
    return Share(one.name, one.bytes + other.bytes, one.frames + other.frames, largest)


def ascii_text(text: str) -> str:
    """A resource's text in ASCII: signs spelt out, accents dropped, the rest as `?`, on one line."""
    for sign, spelt in SIGNS.items():
        text = text.replace(sign, spelt)
    if not text.isascii():
        import unicodedata  # here, for few names need it

        plain = unicodedata.normalize("NFKD", text)
        kept = "".join(char for char in plain if not unicodedata.combining(char))
        text = kept.encode("ascii", "replace").decode("ascii")
    return " ".join(printable(text).split())
