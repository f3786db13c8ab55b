"""A short log of a WinDbg session in which every name is hostile: each row of the stack has its own."""

from __future__ import annotations

from typing import Sequence

LIMIT, SIZE, STEP = 0xB8AE6000, 0x100, 0x20


def log(names: Sequence[str]) -> bytes:
    """The log's bytes; `names` are a module's file, its company, its product and, in turn, its functions."""
    file, company, product, *functions = names
    lines = ["3: kd> !thread", f"Owning Process 8974ac00       Image:         {file}"]
    lines += [f"Base {LIMIT + 0x1000:08x} Limit {LIMIT:08x} Call 0", f"3: kd> dps {LIMIT:08x} {LIMIT + SIZE:08x}"]
    for number, at in enumerate(range(LIMIT, LIMIT + SIZE, STEP)):
        name = functions[number % len(functions)]
        lines += [
            f"{at:08x}  {at + STEP:08x}",
            f"{at + 4:08x}  {0x80805010 + 0x1000 * number:08x} {file}!{name}+0x10",
            *(f"{filler:08x}  00000000" for filler in range(at + 8, at + STEP, 4)),
        ]
    row = f"80800000 8093c000   {file}   (deferred)"
    lines += ["3: kd> lm", "start    end        module name", row]
    lines += ["3: kd> lmv a 80800000", "start    end        module name", row]
    told = {"Image path": file, "Image name": file, "CompanyName": company, "ProductName": product}
    lines += [f"    {key}:      {value}" for key, value in told.items()]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")
