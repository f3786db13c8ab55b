"""`!py -g hogwalk`: one interpreter for a whole session, the same output at every call, and no growth."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from tests.engine.engine import Engine, Step, Target, unannounced
from tests.engine.wheel import install_wheel
from tests.engine.wine import Setting
from tests.stackhog import DUMP, SYMBOLS

STACKHOG = Target(DUMP, symbols=[SYMBOLS])
CALLS = 50
KEPT = 40  # objects: the test host never lets go of a run's SystemExit and its six frames
PROBE = "import gc, sys\ngc.collect()\nprint(len(sys.modules), len(sys.path), len(gc.get_objects()))\ndel sys.path[0]\n"
BETWEEN = ("frame zz", "-h", "heal", "nonsense", "--limit 1 --base 2", "frame 50", "walk 1 2 3", "compare")


@pytest.fixture(scope="module")
def laid_out(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """Where Windows Python finds the wheel, laid out as pip does, and a script that measures the interpreter."""
    scripts = tmp_path_factory.mktemp("scripts")
    (scripts / "probe.py").write_text(PROBE)
    setting = install_wheel(wheel, tmp_path_factory.mktemp("python"))
    return Setting(setting.import_path, (*setting.search_path, scripts), timeout=300)


def outputs(steps: List[Step]) -> List[str]:
    return [unannounced(step.output) for step in steps]


def test_fifty_calls_print_the_same_and_nothing_grows(engine: Engine, laid_out: Setting) -> None:
    calls: List[str] = []
    for number in range(CALLS):
        calls += ["!py -g hogwalk --plain", f"!py -g hogwalk {BETWEEN[number % len(BETWEEN)]} --plain", "!py -g probe"]
    local, *rest = outputs(engine.host(STACKHOG, ["!py hogwalk --plain", *calls, "!py hogwalk --plain"], laid_out))
    again = rest.pop()
    assert "Hog        StackHog" in local
    assert set(rest[0::3]) == {local} == {again}
    for number, output in enumerate(rest[1::3]):
        assert output == rest[1::3][number % len(BETWEEN)]
    measured = [tuple(map(int, output.split())) for output in rest[2::3]]
    # All commands have run once by then: modules and path stay as they are, objects but for what the host keeps.
    warm, last = measured[2 * len(BETWEEN)], measured[-1]
    assert last[:2] == warm[:2]
    rounds = CALLS - 1 - 2 * len(BETWEEN)
    assert last[2] - warm[2] <= 2 * rounds * KEPT


def test_a_global_interpreter_is_not_the_local_ones(engine: Engine, laid_out: Setting) -> None:
    first, local, second = outputs(engine.host(STACKHOG, ["!py -g hogwalk -h", "!py probe", "!py -g probe"], laid_out))
    assert first.startswith("usage: hogwalk")
    assert int(local.split()[0]) < int(second.split()[0])


def test_an_alias_calls_it(engine: Engine, laid_out: Setting) -> None:
    # What the engine makes of the alias is shown by an echo; the very line it gives is then run.
    shown = outputs(engine.kd(STACKHOG, ["as !hog .echo !py -g hogwalk", "!hog frame 51", "!hog"]))
    assert [line.strip() for line in shown[1:]] == ["!py -g hogwalk frame 51", "!py -g hogwalk"]
    by_alias, directly = outputs(engine.host(STACKHOG, [shown[1].strip(), "!py hogwalk frame 51"], laid_out))
    assert by_alias == directly
    assert "frame b8ae8238: 708 bytes" in by_alias
