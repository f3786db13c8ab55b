"""Find CPython 3.9's standard library: on this machine, else in Debian's package of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Iterator, List, Optional

from tests.engine.errors import EngineUnavailableError
from tests.engine.recipe import PYTHON_VERSION

_RELEASE = "bullseye"  # the Debian release whose Python is 3.9
_PACKAGES = ("libpython3.9-minimal", "libpython3.9-stdlib")
_LEFT_OUT = ("site-packages", "dist-packages", "test", "lib-dynload", "__pycache__", "config-*", "idlelib", "tkinter")


def install_stdlib(library: Path, scratch: Path) -> None:
    """Copy the .py files into library; raise EngineUnavailableError when no source of them is at hand."""
    source = _on_this_machine() or _from_debian(scratch)
    ignored = shutil.ignore_patterns(*_LEFT_OUT)
    shutil.copytree(source, library, dirs_exist_ok=True, ignore=ignored, ignore_dangling_symlinks=True)


def _interpreters() -> Iterator[Path]:
    found = shutil.which(f"python{PYTHON_VERSION}")
    if found:
        yield Path(found)
    for folder in (Path.home() / ".pyenv/versions", Path.home() / ".local/share/uv/python"):
        yield from sorted(folder.glob(f"*{PYTHON_VERSION}*/bin/python{PYTHON_VERSION}"))


def _on_this_machine() -> Optional[Path]:
    question = "import sys, sysconfig; print(sys.implementation.name, sysconfig.get_path('stdlib'))"
    for interpreter in _interpreters():
        asked = subprocess.run([str(interpreter), "-c", question], capture_output=True, text=True, check=False)
        name, _, path = asked.stdout.strip().partition(" ")
        if asked.returncode == 0 and name == "cpython" and (Path(path) / "os.py").is_file():
            return Path(path)
    return None


def _from_debian(scratch: Path) -> Path:
    """Unpack Debian's package with apt, in folders of its own: the system's package lists stay as they are."""
    missing = f"no CPython {PYTHON_VERSION} standard library on this machine"
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise EngineUnavailableError(f"{missing}, and no apt to fetch Debian's")
    mirror = _debian_mirror()
    if not mirror:
        raise EngineUnavailableError(f"{missing}, and no Debian mirror in apt's sources")
    sources = scratch / "sources.list"
    sources.write_text(f"deb {mirror} {_RELEASE} main\n")
    for action in (["update", "-qq"], ["download", "-qq", *_PACKAGES]):
        done = subprocess.run(
            ["apt-get", *_private_apt(scratch), *action], cwd=scratch, capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["apt-get failed"])[0]
            raise EngineUnavailableError(f"{missing}, and Debian's was not to be had: {reason}")
    for package in scratch.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(scratch / "root")], check=True)
    return scratch / "root/usr/lib" / f"python{PYTHON_VERSION}"


def _private_apt(scratch: Path) -> List[str]:
    for folder in ("lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::Etc::sourcelist": scratch / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "APT::Sandbox::User": "root",
    }
    return [part for name, value in options.items() for part in ("-o", f"{name}={value}")]


def _debian_mirror() -> Optional[str]:
    """Return the address that apt already uses for Debian's main component."""
    wanted = "$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)"
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in asked.stdout.splitlines():
        origin, label, component, address = [*line.split(), "", "", "", ""][:4]
        if (origin, label, component) == ("Debian", "Debian", "main"):
            return address
    return None
