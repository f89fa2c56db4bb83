"""The documentation of the integrations names what there is."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent.parent / "sdk" / "docs" / "integrations.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_there_is_something_to_check() -> None:
    assert len(BLOCKS) > 7


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0][:40])
def test_its_code_is_python_whose_imports_are_there(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("usersplit_sdk"):
            module = importlib.import_module(node.module or "")
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE.read_text())
    assert len(links) > 5
    assert not [link for link in links if not (PAGE.parent / link).exists()]


def test_it_tells_every_setting() -> None:
    from usersplit_sdk.integrations.django.conf import DEFAULTS  # noqa: PLC0415 - Django's settings are set by then

    assert not [name for name in [*DEFAULTS, "CLIENT"] if f'"{name}"' not in PAGE.read_text()]
