"""The real engine attached to a stopped machine."""

from __future__ import annotations

from tests.engine.engine import Engine, Target
from tests.kd.serve import serving
from tests.stackhog import DUMP, SYMBOLS


def test_try(engine: Engine) -> None:
    with serving(DUMP) as one:
        steps = engine.host(Target(None, connect=one.connection, symbols=[SYMBOLS]), [".reload", "lm", "r"])
    for step in steps:
        print(step.command, step.output)
    for s in one.counts.sections:
        print(s.name, s.round_trips, s.bytes, dict(s.calls), s.changes)
    print(one.counts.changes())
    raise AssertionError
