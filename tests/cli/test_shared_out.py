"""README's lines that share many dumps out, run as they stand there: GNU parallel, the Slurm job, a cluster of Dask."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from fixtures.build.variants import write_variant
from tests.cli.running import HOGWALK, hogwalk
from tests.readme import README
from tests.stackhog import DUMP, ROOT

COUNT = 50
WHOLE, BARE = 12, 8  # StackHog's dumps, and such without images; the others are refused
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's lines")


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 50 dumps."""
    folder = tmp_path_factory.mktemp("dumps")
    kept = {name: write_variant(name, folder / name) for name in ("no-images", "truncated", "nonsense-limits")}
    for at in range(COUNT):
        name = "no-images" if at < BARE else "truncated" if at % 2 else "nonsense-limits"
        os.link(kept[name], folder / f"{at:02}.dmp") if at < COUNT - WHOLE else shutil.copy(DUMP, folder / f"{at}.dmp")
    for path in kept.values():
        path.unlink()
    return folder


@pytest.fixture(scope="module", autouse=True)
def on_path(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`hogwalk` as a program on PATH."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "hogwalk"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(HOGWALK)} "$@"\n')
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield


def line_of(word: str) -> str:
    """README's line that begins with a word."""
    (found,) = re.findall(rf"^{re.escape(word)} .*$", README.read_text(), re.MULTILINE)
    return str(found)


def check(text: str, folder: Path, encoding: str = "utf-8") -> None:
    """Every dump has its line, and the lines make a summary, in PowerShell's encoding too."""
    lines: List[Dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    assert sorted(line["file"] for line in lines) == sorted(map(str, folder.glob("*.dmp")))
    assert sum("error" in line for line in lines) == COUNT - WHOLE - BARE
    assert [line["hog"]["name"] for line in lines if "error" not in line].count("StackHog") == WHOLE
    reports = folder / "reports.jsonl"
    reports.write_text(text, encoding=encoding)
    ended = hogwalk("summary", str(reports))
    assert ended.code == 0
    assert f"Reports    {WHOLE + BARE}; {COUNT - WHOLE - BARE} files could not be read" in ended.out
    assert re.search(rf"^ *{WHOLE * 4496} +4496 +4496 +{WHOLE} +{WHOLE}  StackHog$", ended.out, re.MULTILINE)


def test_gnu_parallel(dumps: Path, tmp_path: Path) -> None:
    if shutil.which("parallel") is None:
        pytest.skip("no GNU parallel here (apt-get install parallel)")
    line = line_of("find").replace("/dumps", shlex.quote(str(dumps)))
    subprocess.run(["bash", "-c", line], cwd=tmp_path, timeout=300, check=False)
    check((tmp_path / "reports.jsonl").read_text(encoding="utf-8"), dumps)


def test_dask(dumps: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed here")
    import dask.bag

    names: Dict[str, Any] = {"dask": dask, "subprocess": subprocess, "paths": sorted(map(str, dumps.glob("*.dmp")))}
    (block,) = re.findall(r"^```python\n(.*?dask.*?)```", README.read_text(), re.MULTILINE | re.DOTALL)
    local = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with local as cluster, distributed.Client(cluster):
        exec(block, names)
    check("".join(names["lines"]), dumps, "utf-16")


def test_the_share_of_a_slurm_job(dumps: Path, tmp_path: Path) -> None:
    script = shlex.split(line_of("sbatch"))[-1]
    (tmp_path / "list.txt").write_text("".join(f"{dumps}/{at}.dmp\n" for at in (10, 11, 49)))
    found = []
    for task in (1, 2, 3, 100):
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(task)}
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        found += [Path(json.loads(line)["file"]).name for line in done.stdout.splitlines()]
    assert found == ["10.dmp", "11.dmp", "49.dmp"]
