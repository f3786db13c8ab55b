"""A debugger that refuses kf= does not take hogwalk's own walk down."""

from __future__ import annotations

from hogwalk.analysis import Run
from hogwalk.errors import CommandFailed
from hogwalk.model import Source
from hogwalk.targets.dump import DumpTarget, open_dump
from hogwalk.walk.evidence import Request
from tests.stackhog import DUMP, HOG_BYTES, SYMBOLS


class Refusing:
    """The dump, with a debugger that refuses every command."""

    def __init__(self, dump: DumpTarget) -> None:
        self._dump = dump

    def __getattr__(self, name: str) -> object:
        return getattr(self._dump, name)

    def command(self, text: str) -> str:
        raise CommandFailed(f"the debugger refused `{text[:4]}`")


def test_a_refused_kf_leaves_the_own_walk_and_a_note() -> None:
    target = Refusing(open_dump(str(DUMP), str(SYMBOLS)))
    report = Run(target, Request(), None, lambda _: None).report()  # type: ignore[arg-type]
    assert report.hog is not None
    assert report.hog.share.bytes == HOG_BYTES
    assert {frame.source for frame in report.frames} == {Source.HOGWALK}
    assert any("the debugger refused `kf=" in note for note in report.notes)
