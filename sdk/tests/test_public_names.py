"""What the package offers is there, and what is seldom needed is imported when it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

import usersplit_sdk

HEAVY = ("asyncio", "inspect", "logging", "urllib", "ssl", "http", "dataclasses", "random")


def test_every_name_is_there_and_listed() -> None:
    for name in usersplit_sdk.__all__:
        assert getattr(usersplit_sdk, name) is not None
    assert set(usersplit_sdk.__all__) <= set(dir(usersplit_sdk))
    assert sorted(usersplit_sdk.__all__, key=str.lower) == sorted(set(usersplit_sdk.__all__), key=str.lower)


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Clinet'"):
        usersplit_sdk.Clinet  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    "code", ["import usersplit_sdk", "from usersplit_sdk import Client, Environment, FileHits, User"]
)
def test_importing_it_imports_nothing_that_a_check_does_not_need(code: str) -> None:
    program = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))"
    # Without site: a virtual environment's own start may import anything.
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(usersplit_sdk.__file__).parent.parent)},
    )
    assert not set(HEAVY) & set(done.stdout.split())


def test_star_import_brings_all_of_them() -> None:
    found: dict[str, object] = {}
    exec("from usersplit_sdk import *", found)
    assert set(usersplit_sdk.__all__) <= set(found)
