"""What one session's next run takes over from the last: only where the target holds and says what it did."""

from __future__ import annotations

import gc
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import pytest

from hogwalk import open_dump
from hogwalk.analysis import MANY, Run
from hogwalk.answer.render.json_report import to_json
from hogwalk.earlier import Earlier
from hogwalk.errors import NoDebugger, NotRecorded, Unreadable
from hogwalk.model import Module, Symbol
from hogwalk.targets.recording import open_recording
from hogwalk.walk.evidence import Request
from tests.stackhog import DUMP, ROOT, SYMBOLS

DEMO = ROOT / "hogwalk" / "app" / "demo" / "stackhog.recording"
CODE = 0x8081DF65  # the return address behind nt!IofCallDriver's call


class Changed:
    """StackHog's dump with the demo's kf, but for what a test changes; it counts the walks that are asked for."""

    def __init__(self, **changes: Callable[..., Any]) -> None:
        self._dump, self._recorded = open_dump(str(DUMP), str(SYMBOLS)), open_recording(str(DEMO))
        self._changes = changes
        self.walked = 0

    def __getattr__(self, name: str) -> Any:
        answer = getattr(self._dump, name)
        if name not in self._changes:
            return answer
        return lambda *asked: self._changes[name](answer(*asked), *asked)

    def command(self, text: str) -> str:
        """As Target.command."""
        self.walked += text.startswith("kf=")
        try:
            answer = self._recorded.command(text)
        except NotRecorded as error:
            raise NoDebugger("no such walk", "") from error
        return str(self._changes["command"](answer, text)) if "command" in self._changes else answer


def run(target: Any, earlier: Optional[Earlier]) -> Run:
    return Run(target, Request(), None, lambda doing: None, earlier=earlier)


def said(done: Run) -> str:
    return to_json(done.report())


def flipped(held: bytes, address: int, count: int) -> bytes:
    """Memory with another byte in a return address's function."""
    at = CODE + 0x10 - address
    return held[:at] + bytes([held[at] ^ 0xFF]) + held[at + 1 :] if 0 <= at < count else held


def gone(held: bytes, address: int, count: int) -> bytes:
    """Memory without the page of that code."""
    if address <= CODE < address + count:
        raise Unreadable(address, count)
    return held


def deeper(held: bytes, address: int, count: int) -> bytes:
    """A stack with one word changed."""
    return held[:0x2000] + b"\0\0\0\0" + held[0x2004:] if count == 0x3000 else held


def renamed(held: Sequence[Optional[Symbol]], _: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
    return tuple(None if one is None else Symbol(one.module, "", one.displacement) for one in held)


def unloaded(held: Sequence[Module]) -> Tuple[Module, ...]:
    return tuple(held)[:-1]


def shorter(answer: str, text: str) -> str:
    return "\n".join(answer.split("\n")[:20]) if text.startswith("kf=") else answer


def test_the_same_again_is_taken_over() -> None:
    earlier = Earlier()
    first = run(Changed(), earlier)
    fresh = said(first)
    target = Changed()
    again = run(target, earlier)
    assert said(again) == fresh
    assert again.walks() is first.walks()
    assert target.walked == 1  # asked all the same, for what it says now


CHANGES: Dict[str, Dict[str, Callable[..., Any]]] = {
    "code": {"read": flipped},
    "code gone": {"read": gone},
    "stack": {"read": deeper},
    "symbols": {"symbols": renamed},
    "modules": {"modules": unloaded},
    "walk": {"command": shorter},
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_different_is_looked_at_anew(name: str) -> None:
    earlier = Earlier()
    first = run(Changed(), earlier)
    first.walks()
    changed = run(Changed(**CHANGES[name]), earlier)
    assert said(changed) == said(run(Changed(**CHANGES[name]), None))
    assert changed.walks() is not first.walks()
    back = run(Changed(), earlier)
    assert said(back) == said(run(Changed(), None))


def test_a_triple_of_ones_own_takes_nothing_over() -> None:
    earlier = Earlier()
    walks = run(Changed(), earlier).walks()
    assert walks.start is not None
    own = Run(Changed(), Request(), walks.start, lambda doing: None, earlier=earlier)
    alone = Run(Changed(), Request(), walks.start, lambda doing: None)
    assert said(own) == said(alone)


@pytest.mark.parametrize("usual", [(700, 10, 10), (0, 10, 10), (900_000, 5, 5)])
def test_how_often_python_collects_is_as_it_was_after_a_run_and_after_one_that_fails(
    usual: Tuple[int, int, int],
) -> None:
    during: List[int] = []

    def noted(answer: object, *_: object) -> object:
        during.append(gc.get_threshold()[0])
        return answer

    before = gc.get_threshold()
    gc.set_threshold(*usual)
    try:
        run(Changed(symbols=noted), None).report()
        assert gc.get_threshold() == usual
        with pytest.raises(NoDebugger):
            run(Changed(symbols=failing), None).report()
        assert gc.get_threshold() == usual
    finally:
        gc.set_threshold(*before)
    assert set(during) == {0 if not usual[0] else max(usual[0], MANY)}


def failing(*_: object) -> object:
    raise NoDebugger("no symbols", "")
