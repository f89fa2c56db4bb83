"""What `usersplit-sdk codegen` writes turns typos into type errors, and pleases the formatter and the linter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from usersplit_sdk.codegen import Interface, render

SDK = Path(__file__).resolve().parent.parent / "sdk"
INTERFACE = Interface(
    tests={
        "green_button": ["control", "green"],
        "none": ["a-b", "a_b", "1", "\n", '"""', "ключ", "\u202e", "\ud800", "x" * 200],
        "nobody": [],
    },
    groups=["christmas"],
    tokens=["pay_button"],
)
SOUND = """
from typing import Literal

from generated import GREEN_BUTTON, NONE, GreenButtonTest, GreenButtonVariant, NoneTest
from generated import get_green_button, get_nobody, is_in_christmas, log_green_button, log_none, text
from usersplit_sdk import Client, Environment, User


class StandIn:
    def get_active_variant(
        self, key: str, user: object = None, request: object = None, log_hit: bool = True
    ) -> str | None:
        return None

    def log_hit(self, key: str, variant: str, user: object = None, request: object = None) -> bool:
        return False

    def is_in_group(self, key: str, user: object = None, request: object = None) -> bool:
        return False

    def text(
        self, token: str, user: object = None, request: object = None, *, language: str, default: str, log_hit: bool = True
    ) -> str:
        return default


def color(client: Client, user: User | None, request: Environment) -> str:
    get_green_button(StandIn())
    variant = get_green_button(client, user, request)
    if variant is None or variant == GreenButtonTest.CONTROL:
        return "grey"
    only: Literal["green"] = variant
    log_green_button(client, only, user, request)
    log_none(client, "a-b")
    log_none(client, NoneTest.A_B)
    is_in_christmas(client, user)
    get_nobody(client)
    client.explain(GREEN_BUTTON)
    client.explain(NONE)
    return text(client, "pay_button", user, language="en", default=variant)
"""
TYPOS = """
from generated import GreenButtonTest, get_green_button, is_in_chrismas, log_green_button, text
from usersplit_sdk import Client


def color(client: Client) -> str:
    variant = get_green_button(client)
    log_green_button(client, "gren")
    text(client, "pay_buton", language="en", default="")
    if variant == "gren":
        return ""
    return GreenButtonTest.GREN
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "generated.py").write_text(render(INTERFACE), encoding="utf-8")
    return tmp_path


def run(*command: object, folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=folder,
        env={"MYPYPATH": str(SDK), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def type_check(package: Path, source: str) -> tuple[int, str]:
    (package / "use.py").write_text(source)
    arguments = ("--strict", "--config-file=", "--python-version=3.10", "--cache-dir", package / "cache")
    return run("mypy", *arguments, "use.py", "generated.py", folder=package)


def test_sound_use_is_sound_under_mypy_strict(package: Path) -> None:
    code, output = type_check(package, SOUND)
    assert code == 0, output


def test_every_typo_is_a_type_error(package: Path) -> None:
    code, output = type_check(package, TYPOS)
    assert code == 1
    lines = TYPOS.splitlines()
    wrong = {
        number for number, line in enumerate(lines, start=1) if re.search(r"gren|GREN|buton|chrismas", line)
    }
    assert {int(number) for number in re.findall(r"^use\.py:(\d+): error", output, re.MULTILINE)} == wrong, (
        output
    )
    assert "generated.py" not in output


def test_formatter_and_linter_find_nothing_to_do(package: Path) -> None:
    for command in (("format", "--check"), ("check", "--select=ALL")):
        code, output = run("ruff", *command, "--isolated", "generated.py", folder=package)
        assert code == 0, output


def test_formatter_agrees_where_it_is_let_in(package: Path) -> None:
    """The shape is the formatter's own, but for lines that a long name makes too long."""
    interface = Interface(
        {**INTERFACE.tests, "none": ["a-b", '"', "'\""]}, INTERFACE.groups, INTERFACE.tokens
    )
    source = render(interface).replace("# fmt: off\n", "")
    (package / "generated.py").write_text(source)
    code, output = run("ruff", "format", "--check", "--diff", "--isolated", "generated.py", folder=package)
    assert code == 0, output
