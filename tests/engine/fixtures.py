"""The pytest fixture that brings the engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Tuple

import pytest

from tests.engine.engine import Engine
from tests.engine.errors import EngineUnavailableError
from tests.engine.older import remove_compiled
from tests.engine.setup import install
from tests.stackhog import ROOT

MANNERS = Path(__file__).parent / "manners"
REQUIRED = "HOGWALK_REQUIRE_ENGINE"


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Return the real engine, installed on first use; where it cannot be, skip, or fail if the variable says so."""
    try:
        prefix = install()
        remove_compiled(prefix)
        prefix.keep_server()
        return Engine(prefix)
    except EngineUnavailableError as error:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"no engine: {error}", pytrace=False)
        pytest.skip(f"no engine: {error}")


@pytest.fixture(scope="session", params=["as it is", "today"])
def manners(request: pytest.FixtureRequest) -> Tuple[Path, ...]:
    """Folders to import from: none for the engine as it is, for today's those that lay its manners over it."""
    return (MANNERS, ROOT) if request.param == "today" else ()
