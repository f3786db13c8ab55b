"""hogwalk's compiled modules in one file: under `!py` every call imports them anew, and each file costs a millisecond.

Each module's code is taken from the file as long as its source has the time and size it was compiled from, as Python's
own cache does it; what a folder holds is asked once for the whole folder.  What was not in the file, or is newer, is
found as ever and joins it.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType
from typing import Dict, Optional, Sequence, Tuple

Stamp = Tuple[int, int]  # a source's time of change (whole seconds) and bytes
Kept = Dict[str, Tuple[Stamp, bytes]]  # by source file: what was compiled, and its code


class Finder:
    """Finds the modules of the package in `folder`, whose compiled code Python keeps in the folder `cache`."""

    def __init__(self, package: str, folder: str, cache: str) -> None:
        self._package = f"{package}."
        self._folders: Dict[str, Dict[str, Optional[Stamp]]] = {}
        name = f"{package}.{sys.implementation.cache_tag}-{sys.flags.optimize}.bundle"
        self._folder, self._file = folder, os.path.join(cache, name)
        self._kept = self._read()
        self._changed = False

    def find_spec(self, name: str, path: Optional[Sequence[str]], target: object = None) -> Optional[ModuleSpec]:
        """The module by its full name; `path` holds its package's folder."""
        if not name.startswith(self._package) or not path:
            return None
        tail = name.rpartition(".")[2]
        listed = self._listed(path[0])
        file, inside = os.path.join(path[0], f"{tail}.py"), None
        stamp = listed.get(f"{tail}.py")
        if stamp is None and tail in listed:
            inside = os.path.join(path[0], tail)
            file, stamp = os.path.join(inside, "__init__.py"), self._listed(inside).get("__init__.py")
        if stamp is None:
            return None
        spec = ModuleSpec(name, _Loader(self, name, file, stamp), origin=file, is_package=inside is not None)
        spec.has_location = True
        spec.submodule_search_locations = None if inside is None else [inside]
        return spec

    def code(self, loader: SourceFileLoader, name: str, stamp: Stamp) -> Optional[CodeType]:
        """A module's code from the file, else as Python finds it."""
        known = self._kept.get(loader.path)
        if known is not None and known[0] == stamp:
            with contextlib.suppress(EOFError, ValueError, TypeError):  # damaged: it is compiled anew
                kept: CodeType = marshal.loads(known[1])
                return kept
        found = SourceFileLoader.get_code(loader, name)
        if isinstance(found, CodeType):
            self._kept[loader.path] = stamp, marshal.dumps(found)
            self._changed = True
        return found

    def keep(self) -> None:
        """Writes what was not in the file yet, if it may be written: beside it, then in its place."""
        if not self._changed or sys.dont_write_bytecode:
            return
        self._changed, beside = False, f"{self._file}.{os.getpid()}"
        try:
            with open(beside, "wb") as out:
                marshal.dump(self._kept, out)
            os.replace(beside, self._file)
        except OSError:  # a folder that only an administrator may write to: it goes on without the file
            return

    def _read(self) -> Kept:
        try:
            with open(self._file, "rb") as file:
                kept: Kept = marshal.load(file)
            return {path: kept[path] for path in kept if path.startswith(self._folder)}  # it may have been copied
        except (OSError, EOFError, ValueError, TypeError, AttributeError):
            return {}

    def _listed(self, folder: str) -> Dict[str, Optional[Stamp]]:
        """A folder's sources with their stamps, and the folders in it (None)."""
        found = self._folders.get(folder)
        if found is None:
            found = self._folders[folder] = {}
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(".py"):
                        about = entry.stat()
                        found[entry.name] = int(about.st_mtime), about.st_size
                    elif "." not in entry.name:
                        found[entry.name] = None
        return found


class _Loader(SourceFileLoader):
    """Python's own, but for where the code comes from."""

    def __init__(self, finder: Finder, name: str, path: str, stamp: Stamp) -> None:
        super().__init__(name, path)
        self._finder = finder
        self._stamp = stamp

    def get_code(self, fullname: str) -> Optional[CodeType]:
        return self._finder.code(self, fullname, self._stamp)


def install() -> Finder:
    """The finder of this package, the first that Python asks; the same each time in one session."""
    known = next((one for one in sys.meta_path if isinstance(one, Finder)), None)
    if known is not None:
        return known
    spec = sys.modules[__name__].__spec__
    assert spec is not None
    made = Finder(__name__.partition(".")[0], *map(os.path.dirname, (__file__, spec.cached or "")))
    if spec.cached and isinstance(spec.loader, SourceFileLoader):  # not out of a zip, say
        sys.meta_path.insert(0, made)
    return made
