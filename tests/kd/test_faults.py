"""Twelve faults of the line and of the machine at its end, in the real engine: one clear line, and what is known."""

from __future__ import annotations

import re
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

import pytest

from tests.engine.engine import Engine, Target
from tests.engine.errors import EngineRunError
from tests.engine.wine import Setting, windows_path
from tests.kd.counts import Counts
from tests.kd.faults import Faults
from tests.kd.serve import Served, serving
from tests.kd.test_session import FIRST_ANSWER, SETTING, attached, without_target
from tests.stackhog import DUMP, LAUNCHER, ROOT, SYMBOLS

STACK = 0xB8AE6000
SCRIPTS = Path(__file__).parent / "scripts"
PRESSING = Setting(import_path=(ROOT,), search_path=(LAUNCHER, SCRIPTS), timeout=300.0)
SERIAL = 115_200  # baud
GONE = 60.0  # seconds given to a session whose line has gone dead: the word must come before
# The console, but sooner out of patience with a machine that never stops.
HASTY = (
    "import sys; from hogwalk.app.cli import open as one; one.ATTACHING = 8.0; "
    "from hogwalk.__main__ import main; sys.exit(main())"
)
RESYNC = "break in again (Ctrl+Break; a dead line: Ctrl+Alt+R in WinDbg, Ctrl+R and Enter in kd), then repeat"


@pytest.fixture(scope="module")
def whole(engine: Engine) -> List[str]:
    """The stack of a session without faults: no kf in it, which is run or not as this computer is fast or slow."""
    (step,), _ = attached(engine, DUMP, ["!py hogwalk stack"])
    return without_target(step.output)


def joined(text: str) -> str:
    """A report on one line, so that no line break hides a sentence."""
    return " ".join(text.split())


def balanced(text: str) -> bool:
    """Whether a report adds up."""
    found = re.search(r"^Sum +(\d+) walked(?: \+ (\d+) in gaps)? = (\d+) = Base - Limit", text, re.MULTILINE)
    return found is not None and int(found[1]) + int(found[2] or 0) == int(found[3]) == 0x3000


def next_session(engine: Engine, one: Served) -> str:
    """What the next command prints once somebody has connected anew."""
    target = Target(None, connect=one.connection, symbols=[SYMBOLS])
    return engine.host(target, [".reload", "!py hogwalk stack"], SETTING)[1].output


def one_session(engine: Engine, faults: Faults, *steps: str, anew: bool = False) -> Tuple[List[str], Counts, str]:
    """What the steps print, each in its section; all counts; what the next session's `stack` prints (`anew`)."""
    marked = [part for number, step in enumerate(steps, 1) for part in (f"db ee{number:03x}000 L1", step)]
    with serving(DUMP, faults) as one:
        done = engine.host(Target(None, connect=one.connection, symbols=[SYMBOLS]), [".reload", *marked], PRESSING)
        after = next_session(engine, one) if anew else ""
    return [without_progress(step.output) for step in done[2::2]], one.counts, after


def without_progress(text: str) -> str:
    """What a step printed, less the first answer from a slow line and the lines that say what it is doing."""
    if FIRST_ANSWER in text:
        text = text.partition("hogwalk: on this line")[2].partition("\n")[2]
    doing = re.compile(r"hogwalk: (?:.* \.\.$|on this line )")
    return "\n".join(line for line in text.splitlines() if not doing.match(line))


class Waited(NamedTuple):
    """How a session ended that mostly waited: what it printed, its counts, what the next session's `stack` prints."""

    said: str
    complained: str
    code: int
    counts: Counts
    connection: str = ""
    after: str = ""


def dead(engine: Engine, faults: Faults) -> Waited:
    """A session whose line goes dead: the engine never comes back."""
    with serving(DUMP, faults) as one:
        target = Target(None, connect=one.connection, symbols=[SYMBOLS])
        patient = Setting(import_path=(ROOT,), search_path=(LAUNCHER,), timeout=GONE)
        with pytest.raises(EngineRunError) as ended:
            engine.host(target, [".reload", "db ee001000 L1", "!py hogwalk stack"], patient)
        return Waited("", str(ended.value), 0, one.counts, after=next_session(engine, one))


def console(engine: Engine, faults: Faults, *call: str) -> Waited:
    """A call of the console, which ends by itself."""
    with serving(DUMP, faults) as one:
        connection = one.connection
        finished = engine.python([*call, "-k", connection, "-y", windows_path(SYMBOLS)], PRESSING)
    return Waited(finished.stdout, finished.stderr, finished.code, one.counts, connection)


def delayed(engine: Engine, seconds: float, step: str) -> Waited:
    """A session in which one answer comes late."""
    (text,), counts, _ = one_session(engine, Faults(after_reads=30, late=seconds), step)
    return Waited(text, "", 0, counts)


@pytest.fixture(scope="module", autouse=True)
def waiting(engine: Engine) -> Iterator[Dict[str, Future[Waited]]]:
    """Sessions that wait for what comes late or never, all at once and beside the other tests."""
    silent = Faults(SERIAL, section=0, after_reads=100, silent=True)
    with ThreadPoolExecutor() as pool:
        yield {
            "hang_up": pool.submit(dead, engine, Faults(after_reads=30, hang_up=True)),
            "silent": pool.submit(dead, engine, Faults(after_reads=30, silent=True)),
            "console": pool.submit(console, engine, silent, "-m", "hogwalk"),
            "runs": pool.submit(console, engine, Faults(running=True, deaf=True), "-c", HASTY, "stack"),
            "late": pool.submit(delayed, engine, 6.0, "!py hogwalk stack"),
            "too late": pool.submit(delayed, engine, 18.0, "!py hogwalk"),
        }


def check(text: str, counts: Counts, after: str = "  return  " * 200) -> None:
    """No traceback, nothing written, and the next session is as good as new."""
    assert "Traceback" not in text
    assert counts.changes() == {}
    assert after.count("  return  ") > 100


def test_a_stack_page_that_cannot_be_read(engine: Engine) -> None:
    (text,), counts, _ = one_session(engine, Faults(refused=frozenset((STACK + 0x1000,))), "!py hogwalk")
    assert "stack b8ae7000..b8ae8000 cannot be read; it counts as a gap" in joined(text)
    assert balanced(text)
    check(text, counts)


def test_a_page_table_that_cannot_be_read(engine: Engine) -> None:
    (text,), counts, _ = one_session(engine, Faults(hidden=frozenset((STACK,))), "!py hogwalk")
    assert text.strip().startswith("hogwalk: no page of the stack b8ae6000..b8ae9000 can be read; pass the right range")
    assert len(text.strip().splitlines()) == 1
    assert counts.changes() == {}


def test_a_code_page_that_cannot_be_read(engine: Engine) -> None:
    (text,), counts, _ = one_session(engine, Faults(refused=frozenset((0xB8D8D000,))), "!py hogwalk")
    assert "return addresses lie in code that cannot be read" in joined(text)
    assert "StackHog" in text
    assert balanced(text)
    check(text, counts)


def test_memory_that_changes_while_it_is_read(engine: Engine) -> None:
    faults = Faults(after_reads=100, changed=((STACK, bytes(0x40)),))
    (text,), counts, _ = one_session(engine, faults, "!py hogwalk stack")
    assert joined(text).startswith(
        "Changed the stack at b8ae6000 is no longer what was read: the machine runs, or memory changes; stop it, and "
        "run this again"
    )
    check(text, counts)


def test_a_line_that_drops_packets(engine: Engine, whole: List[str]) -> None:
    (text,), counts, _ = one_session(engine, Faults(lose_every=211, retry=0.2), "!py hogwalk stack")
    assert without_target(text) == whole
    assert "lost" in counts.notes
    check(text, counts)


def test_a_line_that_corrupts_packets(engine: Engine, whole: List[str]) -> None:
    (text,), counts, _ = one_session(engine, Faults(spoil_every=97, retry=0.2), "!py hogwalk stack")
    assert without_target(text) == whole
    assert "spoilt" in counts.notes
    check(text, counts)


def test_a_machine_that_resets(engine: Engine) -> None:
    (text,), counts, after = one_session(engine, Faults(after_reads=30, reset=True), "!py hogwalk", anew=True)
    assert joined(text).startswith(
        "Partial the machine no longer answers: it has restarted, runs again, or the line is down; this is made of "
        f"what had been read by then; {RESYNC}"
    )
    assert balanced(text)
    check(text, counts, after)


def test_a_machine_that_resets_before_the_stack_is_read(engine: Engine) -> None:
    (text,), counts, after = one_session(engine, Faults(after_reads=2, reset=True), "!py hogwalk", anew=True)
    assert text.startswith("hogwalk: the machine no longer answers: it has restarted, runs again, or the line is down")
    assert text.strip().endswith(RESYNC)
    check(text, counts, after)


@pytest.mark.parametrize("how", ["hang_up", "silent"])
def test_a_line_that_is_dead(waiting: Dict[str, Future[Waited]], how: str) -> None:
    """The engine never comes back; hogwalk says what to do, and the next session works."""
    ended = waiting[how].result()
    assert f"hogwalk: no answer from the machine; {RESYNC}" in ended.complained
    check("", ended.counts, ended.after)


def test_a_dead_line_ends_the_console(waiting: Dict[str, Future[Waited]]) -> None:
    """What had been printed by then stands: the first answer, before any code was read."""
    ended = waiting["console"].result()
    assert ended.code == 3
    assert ended.said.startswith("First      answer from saved EBPs and stack words only; code not read yet")
    assert "Target" not in ended.said
    assert f"hogwalk: no answer from the machine at {ended.connection}; {RESYNC}" in ended.complained


def test_an_answer_that_comes_late(waiting: Dict[str, Future[Waited]], whole: List[str]) -> None:
    ended = waiting["late"].result()
    assert without_target(ended.said) == whole
    check(ended.said, ended.counts)


def test_an_answer_that_comes_too_late(waiting: Dict[str, Future[Waited]]) -> None:
    ended = waiting["too late"].result()
    text = ended.said
    assert joined(text).startswith("Partial the machine did not answer in time; this is made of what had been read")
    assert balanced(text)
    check(text, ended.counts)


def test_a_machine_that_says_it_runs(waiting: Dict[str, Future[Waited]]) -> None:
    """Nobody can break into it: the console gives up, with a word."""
    ended = waiting["runs"].result()
    assert ended.code == 3
    assert f"hogwalk: no answer from the machine at {ended.connection}; {RESYNC}" in ended.complained
    assert ended.counts.changes() == {}


def test_an_interrupt_while_the_code_is_read(engine: Engine, tmp_path: Path) -> None:
    pressed = tmp_path / "pressed"
    faults = Faults(after_reads=40, late=1.0, pressed=pressed)
    (text,), counts, _ = one_session(engine, faults, f"!py pressing {windows_path(pressed)}")
    assert joined(text).startswith(
        "Partial interrupted; this is made of what had been read by then; run it again for the whole answer"
    )
    assert balanced(text)
    assert counts.of(1).calls["ReadVirtualMemory"] < 60
    check(text, counts)


def test_an_interrupt_of_kf(engine: Engine, tmp_path: Path) -> None:
    """Its rows so far are no walk that ends there; the settings are as they were, and the next command is whole."""
    pressed = tmp_path / "pressed"
    faults = Faults(section=2, after_reads=400, late=1.0, pressed=pressed)
    steps = ["!py hogwalk stack", f"!py pressing {windows_path(pressed)} --kf", ".expr; n", ".cache"]
    steps += [".cache flushall", "!py hogwalk stack"]
    (before, text, settings, cache, _, again), counts, _ = one_session(engine, faults, *steps)
    assert "Partial interrupted;" in joined(text)  # what kf takes may be said before
    assert "; type .cache flushall, for an interrupted kf leaves the debugger's cache without room" in joined(text)
    most, held = (int(number) for number in re.findall(r"^(?:Max|Total) .*: (\d+) bytes", cache, re.MULTILINE))
    assert held > 0.9 * most  # of 150 KB that were read
    assert balanced(text)
    assert "MASM" in settings
    assert again == before
    check(text, counts)
