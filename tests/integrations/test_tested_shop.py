"""The shop with tests of its own: they run with the SDK's pytest plugin as it is installed, and a typo in a mark is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SHOP = Path(__file__).resolve().parent.parent.parent / "examples" / "tested_shop"
# Plugins of this repository's own suite, which take seconds to import.
OTHERS = ("schemathesis", "hypothesispytest", "playwright", "django", "celery")
KEPT = ("PATH", "HOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy, so that running it leaves nothing in the repository."""
    return Path(shutil.copytree(SHOP, tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__")))


def run_pytest(shop: Path, *arguments: str) -> tuple[int, str]:
    without = [part for name in OTHERS for part in ("-p", f"no:{name}")]
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *without, *arguments],
        cwd=shop,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_its_tests_pass(shop: Path) -> None:
    code, printed = run_pytest(shop)
    assert code == 0, printed
    assert "9 passed" in printed


TYPO = """
import pytest
from .test_tea_shop import page

@pytest.mark.usersplit(gren_button="green")
def test_key():
    assert 'class="green"' in page()

@pytest.mark.usersplit(green_button="gren")
def test_variant():
    assert 'class="green"' in page()
"""


def test_a_typo_fails_and_the_output_says_what_was_meant(shop: Path) -> None:
    (shop / "test_typo.py").write_text(TYPO)
    code, printed = run_pytest(shop)
    assert code == 1
    assert "2 failed, 9 passed" in printed
    assert "no client has a test gren_button: did you mean green_button?" in printed
    assert "the test green_button has no variant 'gren': did you mean green?" in printed


def test_without_the_plugin_the_shop_is_as_delivered(shop: Path) -> None:
    code, printed = run_pytest(shop, "-p", "no:usersplit")
    assert code == 1
    assert "4 failed, 2 passed" in printed
