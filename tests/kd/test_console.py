"""`hogwalk -k`: it says that it stops the machine, and lets one that ran go again, as its last request."""

from __future__ import annotations

from typing import List, Tuple

import pytest

from hogwalk.app.cli.arguments import parse
from hogwalk.errors import UsageError
from tests.engine.bounded import Finished
from tests.engine.engine import Engine
from tests.engine.wine import Setting, windows_path
from tests.kd.counts import Counts
from tests.kd.faults import Faults
from tests.kd.serve import serving
from tests.kd.test_session import SETTING
from tests.stackhog import DUMP, SYMBOLS

RUNNING = Faults(running=True)


def console(engine: Engine, faults: Faults, *options: str, crashed: bool = False) -> Tuple[Finished, Counts]:
    """One call of the console on a machine."""
    with serving(DUMP, faults, crashed=crashed) as one:
        given = ["-k", one.connection, "-y", windows_path(SYMBOLS), *options]
        finished = engine.python(["-m", "hogwalk", "stack", *given], SETTING)
    assert finished.stderr.startswith("hogwalk: attaching stops the machine at com:ipport="), finished.stderr
    assert "Traceback" not in finished.stdout + finished.stderr
    return finished, one.counts


def test_a_machine_that_ran_goes_on(engine: Engine) -> None:
    finished, counts = console(engine, RUNNING)
    assert (finished.code, finished.stdout.count("  return  ") > 100) == (0, True), finished.stdout
    # Before it goes on, the engine steps over the break-in's own `int 3`, as it does at every `g`: Eip alone is set.
    assert counts.changes() == {"SetContext": 1, "Continue": 1}
    assert counts.now.last == "Continue"
    assert counts.notes == ["context set, other bytes at 0xb8"]


def test_it_goes_on_after_an_error_too(engine: Engine) -> None:
    finished, counts = console(engine, RUNNING, "--thread", "1234")
    assert finished.code in (2, 3)
    assert counts.now.calls["Continue"] == 1
    assert counts.now.last == "Continue"


def test_it_stays_stopped_where_that_is_asked_for(engine: Engine) -> None:
    finished, counts = console(engine, RUNNING, "--stay")
    assert finished.code == 0
    assert "it stays stopped (--stay)" in finished.stderr
    assert counts.changes() == {}


def test_a_machine_that_has_crashed_is_left_as_it_is(engine: Engine) -> None:
    finished, counts = console(engine, RUNNING, crashed=True)
    assert finished.code == 0
    assert counts.changes() == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-k", "nonsense"], "-k nonsense is no connection to a machine; as kd -k takes it: com:port="),
        (["-k", "net:port=50000"], "the connection net:port=50000 has no key; as kd -k takes it: com:port="),
        (["-k", "com:pipe"], "the connection com:pipe has no port; as kd -k takes it: com:port="),
        (["-k", str(DUMP)], "; a dump is opened by -z"),
        (["-k", ""], "-k wants a connection string; as kd -k takes it"),
        (["-k", "com:port=1", "--engine", "own"], "-k does not go with --engine own; only the debugger"),
        (["-k", "com:port=1", "-z", str(DUMP)], "-k does not go with a file"),
        (["--stay", str(DUMP)], "--stay goes with -k alone"),
    ],
)
def test_a_wrong_connection_gets_one_line_that_speaks_of_connections(words: List[str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(words)
    assert said in raised.value.line()
    assert "check the path" not in raised.value.line()


def test_a_port_where_nobody_listens(engine: Engine) -> None:
    """The engine tries for good; the word about it comes first."""
    hasty = "import sys; from hogwalk.app.cli import open as one; one.ATTACHING = 5.0; "
    program = hasty + "from hogwalk.__main__ import main; sys.exit(main())"
    connection = "com:ipport=9,port=127.0.0.1"
    finished = engine.python(["-c", program, "-k", connection], Setting(import_path=SETTING.import_path))
    assert finished.code == 3
    said = finished.stdout + finished.stderr
    assert f"at {connection}" in said or f"connect to {connection}" in said
