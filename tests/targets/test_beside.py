"""Work beside a debugger that is busy: who asks what, and what is left of it."""

from __future__ import annotations

import threading
from typing import Callable, List

import pytest

from hogwalk.errors import Unreadable
from hogwalk.targets.beside import Errands

PATIENCE = 20.0  # seconds, far more than any of it takes


def quiet(_: str) -> None:
    """Hears nothing."""


def test_the_work_goes_on_while_the_debugger_is_busy_and_leaves_no_thread() -> None:
    errands, worked = Errands(), threading.Event()

    def work(announce: Callable[[str], None]) -> str:
        announce("working")
        worked.set()
        return "frames"

    before = threading.active_count()
    assert errands.both(lambda: errands.ask(lambda: worked.wait(PATIENCE)), work, quiet) == (True, "frames")
    assert threading.active_count() == before


def test_the_debuggers_own_thread_asks_whatever_the_work_wants_to_know() -> None:
    errands, own = Errands(), threading.get_ident()
    asked_by: List[int] = []
    said: List[str] = []

    def question() -> int:
        asked_by.append(threading.get_ident())
        return len(asked_by)

    def work(announce: Callable[[str], None]) -> List[int]:
        announce("reading")
        return [errands.ask(question), errands.ask(question)]

    assert errands.both(lambda: errands.ask(lambda: "rows"), work, said.append) == ("rows", [1, 2])
    assert asked_by == [own, own]
    assert said == ["reading"]
    assert errands.ask(question) == 3


def test_an_unreadable_page_is_the_works_to_know() -> None:
    errands, wanted = Errands(), []

    def unreadable() -> bytes:
        raise Unreadable(0x1000, 4)

    def work(_: Callable[[str], None]) -> str:
        try:
            errands.ask(unreadable)
        except Unreadable as error:
            wanted.append(error)
        return "went on"

    assert errands.both(lambda: None, work, quiet) == (None, "went on")
    assert len(wanted) == 1


def test_what_fails_in_the_work_fails_where_it_was_asked_for() -> None:
    def work(_: Callable[[str], None]) -> str:
        raise ValueError("no such frame")

    before = threading.active_count()
    with pytest.raises(ValueError, match="no such frame"):
        Errands().both(lambda: None, work, quiet)
    assert threading.active_count() == before


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_work_ends_at_its_next_word_where_the_script_is_ended(kind: type[BaseException]) -> None:
    errands, begun = Errands(), threading.Event()

    def work(announce: Callable[[str], None]) -> None:
        begun.set()
        while True:
            errands.ask(lambda: "word")
            announce("on and on")

    def ended() -> None:
        assert begun.wait(PATIENCE)
        raise kind

    before = threading.active_count()
    with pytest.raises(kind):
        errands.both(lambda: errands.ask(ended), work, quiet)
    assert threading.active_count() == before


def test_work_is_done_where_the_debugger_refuses_and_another_answer_will_do() -> None:
    errands = Errands()
    done: List[str] = []

    def refused() -> str:
        raise ValueError("refused")

    def ask() -> str:
        try:
            return errands.ask(refused)
        except ValueError:
            return f"{len(done)} done"

    assert errands.both(ask, lambda _: done.append("frames"), quiet) == ("1 done", None)


def test_only_one_thread_runs_but_for_the_debuggers_while_it_waits() -> None:
    errands = Errands()
    order: List[str] = []
    busy = threading.Event()

    def work(_: Callable[[str], None]) -> None:
        busy.set()
        order.append("work")

    def ask() -> None:
        order.append("before")
        errands.ask(lambda: busy.wait(PATIENCE))
        order.append("behind")

    errands.both(ask, work, quiet)
    assert order == ["before", "work", "behind"]


def test_an_interrupt_that_reaches_an_errand_ends_everything() -> None:
    errands = Errands()

    def interrupted() -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        errands.both(lambda: None, lambda announce: errands.ask(interrupted), quiet)
    assert threading.active_count() == before


def test_without_a_thread_to_be_had_one_is_done_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    errands = Errands()
    order: List[str] = []
    errands.both(lambda: errands.ask(lambda: order.append("kf")), lambda _: order.append("own"), quiet)
    assert order == ["kf", "own"]
