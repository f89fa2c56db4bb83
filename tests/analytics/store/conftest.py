"""One store of each engine, empty, and gone when its test is."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics.store import ItemStore
from analytics.store.files import FileStore

ENGINES = ("duckdb",)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path, db: None) -> ItemStore:
    return FileStore(tmp_path / "hits")
