"""Bodies of the generated C functions: locals, stale-frame excursions and the call that goes deeper."""

from __future__ import annotations

from random import Random
from typing import List, Tuple

from tests.lab.plan import FunctionPlan, ModulePlan
from tests.lab.styles import CLANG_EBP, GCC_FPO, MSVC_EBP, Style

_WIDE = (
    "\\\\Device\\\\HarddiskVolume1\\\\WINDOWS",
    "\\\\??\\\\C:\\\\pagefile.sys",
    "SYSTEM\\\\CurrentControlSet",
    "FileInfo",
)

_PATHS = (
    "C:\\\\Program Files\\\\Common Files\\\\Shared\\\\update.xml",
    "/usr/share/app/data/config.json",
    "https://example.org/api/v1/items?id=",
    "Content-Type: text/html; charset=utf-8",
)

# A word behind some call instruction, as it stands in a backtrace buffer, a lookaside's owner, a saved argument.
_DECOY = "IO->decoy[rnd() % IO->decoys]"


class Body:
    """Writes one function's body; text() gives the C statements between the braces."""

    def __init__(self, function: FunctionPlan, plan: ModulePlan, style: Style, rng: Random) -> None:
        """function lies in the module of plan; every choice comes from rng."""
        self.function, self.plan, self.style, self.rng = function, plan, style, rng
        self.locals: List[str] = []
        self.buffers: List[Tuple[str, int]] = []
        self.lines: List[str] = []

    def text(self) -> str:
        """The statements, indented by two spaces."""
        self._declare()
        start = [f"if (--IO->budget < 0) return a0_ ^ 0x{self.rng.randint(1, 0xFFFF):x}u;"]
        self._work()
        self._events()
        for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
            self._excursion()
        self._deep()
        self._after()
        return "\n".join("  " + line for line in self.locals + start + self.lines)

    def _declare(self) -> None:
        """Locals: a few words mostly, sometimes hundreds of bytes, as drivers have."""
        rng = self.rng
        self.locals.append(f"U a0_ = (U)a0; U v = a0_ * {rng.choice((1, 3, 5, 9))}u;")
        for i in range(rng.choices((0, 1, 2), (35, 50, 15))[0]):
            size = max(4, int(self.plan.fat * rng.choice((8, 16, 24, 32, 48, 64, 100, 140, 220))))
            if rng.random() < 0.06 * self.plan.fat:
                size = rng.randint(300, 780)
            if self.style.stack_bytes > 0x3000 and rng.random() < 0.02:
                size = rng.randint(4100, 4600)
            if rng.random() < 0.03:
                size = rng.randint(800, 2000)  # room for a whole chain of dead frames
            self.locals.append(f"B buf{i}[{size}];")
            self.buffers.append((f"buf{i}", size))
        if rng.random() < 0.2:
            self.locals.append("struct ustr us;")
            buffer = f"(const W *){_DECOY}" if self.style.has("decoy") else "IO->strings[v & 7]"
            self.lines.append(f"us.length = (W)(v & 0x7e); us.maximum = 0x80; us.buffer = {buffer};")
            self.buffers.append(("&us", 8))
        if rng.random() < (0.35 if self.style.has("user") else 0.12):
            count = rng.randint(12, 60)
            self.locals.append(f"W wide[{count}];")
            source = f"(const W *){self._wide()}" if rng.random() < 0.5 else "IO->strings[rnd() & 7]"
            self.lines.append(f"v += copy_string(wide, {count}, {source});")
            self.buffers.append(("wide", 2 * count))
        if self.style.has("user") and rng.random() < 0.25:
            count = rng.randint(16, 96)
            self.locals.append(f"B path[{count}];")
            self.lines.append(f'v += copy_text(path, {count}, (const B *)"{rng.choice(_PATHS)}");')
            self.buffers.append(("path", count))
        if self.style.has("huge") and rng.random() < 0.05:
            size = rng.choice((rng.randint(8200, 40000), rng.randint(132000, 300000)))
            self.locals.append(f"B huge[{size}];")
            self.buffers.append(("huge", size))
        if rng.random() < 0.06:
            self.locals.append("U aligned[4] __attribute__((aligned(16)));")
            self.buffers.append(("aligned", 16))

    def _wide(self) -> str:
        return f'u"{self.rng.choice(_WIDE)}"'

    def _work(self) -> None:
        """Touch some of the locals only: the rest keeps what dead frames left there."""
        rng = self.rng
        for name, size in self.buffers:
            if rng.random() < 0.5:
                self.lines.append(f"fill({name}, {rng.randint(1, max(1, min(size, 12)))});")
            elif rng.random() < 0.4:
                self.lines.append(f"v += sum({name}, {min(size, 16)});")
        if rng.random() < 0.1:
            self.locals.append("U *dyn;")
            self.lines.append("dyn = __builtin_alloca((rnd() & 0x7c) + 16); fill(dyn, 12); v += (U)dyn;")
        if self.style.has("decoy") and rng.random() < 0.5:
            self._decoy()

    def _decoy(self) -> None:
        """Plant call-preceded words, a copy of the stack above, or the own return address as data."""
        rng = self.rng
        name = f"decoy{len(self.buffers)}"
        kind = rng.randrange(4)
        count = rng.randint(4, 14)
        self.locals.append(f"U {name}[{count}];")
        own = "(U)__builtin_return_address(0)"
        if kind == 0:
            self.lines.append(f"copy_words({name}, IO->decoy + rnd() % (IO->decoys - {count}), {count});")
        elif kind == 1:
            above = count + rng.randint(0, 12)
            self.lines.append(f"copy_words({name}, {own} ? (U *)&{name} + {above} : 0, {count});")
        elif kind == 2:
            at = rng.randrange(1, count)
            self.lines.append(f"{name}[0] = {own}; {name}[{at}] = {_DECOY};")
        else:
            self.lines.append(f"{name}[1] = (U)&{name}[2]; {name}[2] = {_DECOY}; {name}[3] = (U)&{name}[{count - 1}];")
        self.buffers.append((name, 4 * count))

    def _events(self) -> None:
        """The page fault of style trap and the stack switch of style segment, when the countdown has run out."""
        if self.style.has("trap") and self.rng.random() < 0.5:
            self.lines.append("if (IN_MAIN && --IO->countdown == 0) IO->paged = (volatile U *)0xE1004000u;")
            self.lines.append("v += *IO->paged;")
        if self.style.has("user"):
            for _, name, _, count in self.plan.imports:
                if name.startswith("Zw") and self.rng.random() < 0.15:
                    self.lines.append(f"if (!(rnd() & 3)) v += {name}({self._arguments(count)});")
        expand = any(imp[1] == "KeExpandKernelStackAndCallout" for imp in self.plan.imports)
        if self.style.has("segment") and (expand or self.plan.name == "nt") and self.rng.random() < 0.5:
            kind = "(callback_t)" if self.plan.name == "nt" else "(U)"
            self.lines.append(
                "if (IN_MAIN && --IO->countdown == 0)"
                f" v += KeExpandKernelStackAndCallout({kind}IO->callbacks[rnd() & 15], v, 0x3000);"
            )

    def _excursion(self) -> None:
        """A call that returns after a bounded number of entries and leaves its frames behind."""
        rng = self.rng
        entries = rng.choice((1, 2, 3, 4, 6, 9, 14))
        self.lines.append(
            f"if (rnd() & {rng.choice((1, 3, 7))}) {{ int b = IO->budget; if (b > {entries}) IO->budget = {entries};"
            f" v += {self._call()}; if (b > MAIN_BUDGET / 2) IO->budget = b; }}"
        )

    def _deep(self) -> None:
        """The call that goes on towards the overflow: one of one to three call sites."""
        count = self.rng.choices((1, 2, 3), (3, 5, 3))[0]
        if count == 1:
            call = f"v += {self._call()};"
            if self.rng.random() < 0.2:
                call = f"{{ U i; for (i = 0; i < (v & 3) + 1; i++) {call} }}"
            self.lines.append(self._guarded(call))
            return
        cases = " ".join(
            "case {}: {} break;".format(i, "v {}= {};".format(self.rng.choice("+^-"), self._call()))
            for i in range(count - 1)
        )
        self.lines.append(f"switch (rnd() % {count}) {{ {cases} default: v += {self._call()}; }}")

    def _guarded(self, statement: str) -> str:
        """In __try for some clang modules that keep EBP: a real SEH registration, as MSVC makes it."""
        if self.plan.kind in (CLANG_EBP, MSVC_EBP) and self.rng.random() < 0.12:
            return f"__try {{ {statement} }} __except (1) {{ v = 0; }}"
        return statement

    def _after(self) -> None:
        """Use locals and arguments after the call, so that they live across it."""
        rng = self.rng
        for name, size in self.buffers:
            self.lines.append(f"v ^= sum({name}, {min(size, rng.randint(4, 24))});")
        uses = [f"(U)a{i}" for i in range(self.function.arguments) if rng.random() < 0.6]
        if rng.random() < 0.07 and not self.buffers:
            self.lines.append(f"return {self._call()};")
            return
        self.lines.append("return v{};".format("".join(" {} {}".format(rng.choice("+^-"), use) for use in uses)))

    def _call(self) -> str:
        """One call expression: local, imported, through IofCallDriver, or through a pointer table."""
        rng, plan = self.rng, self.plan
        weights = (50, 26, 14, 9) if plan.imports else (24, 0, 32, 22)
        kind = rng.choices(("local", "import", "driver", "callback"), weights)[0]
        if kind == "driver":
            return "(IO->irp->major = rnd() & 3, IofCallDriver(IO->devices[rnd() & 7], IO->irp))"
        if kind == "callback":
            return f"IO->callbacks[rnd() & 15]({self._arguments(3)})"
        if kind == "import":
            _, name, _, count = rng.choice([i for i in plan.imports if i[1] not in self._apart()])
            if name == "IofCallDriver":
                return "IofCallDriver(IO->devices[rnd() & 7], IO->irp)"
            return f"{name}({self._arguments(count)})"
        names = [f for f in plan.functions if f.name not in (self.function.name, "IofCallDriver", "MmAccessFault")]
        callee = rng.choice(names)
        if callee.role == "dispatch":
            return f"{callee.name}(IO->devices[v & 7], IO->irp)"
        return f"{callee.name}({self._arguments(callee.arguments)})"

    def _apart(self) -> List[str]:
        """Imports that no ordinary call chooses: a program's system calls return at once and lead nowhere deeper."""
        stubs = [i[1] for i in self.plan.imports if i[1].startswith("Zw")] if self.style.has("user") else []
        return ["KeExpandKernelStackAndCallout", *stubs]

    def _arguments(self, count: int) -> str:
        return ", ".join(self._argument() for _ in range(count))

    def _argument(self) -> str:
        rng = self.rng
        choices = [
            "v",
            "(U)a0",
            f"0x{rng.randrange(0x200):x}",
            "0",
            "(U)IO->irp",
            f"(U)&IO->strings[{rng.randrange(8)}]",
        ]
        choices += [f"(U){name}" for name, _ in self.buffers] * 2
        choices += [f"(U)a{rng.randrange(self.function.arguments)}", "rnd()"]
        if rng.random() < 0.15:
            choices.append(f"(U){rng.choice(self.plan.functions).name}")
        if self.style.has("decoy"):
            choices += [_DECOY] * 2
        if self.plan.kind != GCC_FPO and rng.random() < 0.1:
            choices.append(f"(U){self._wide()}")
        return rng.choice(choices)
