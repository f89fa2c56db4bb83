"""The page about testing names what there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest_usersplit

from usersplit_sdk.testing import ForcedVariants
from usersplit_sdk.testing_remote import RemoteVariants

PAGE = (Path(__file__).parent.parent / "docs/testing.md").read_text(encoding="utf-8")


def test_its_code_is_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        ast.parse(block)


def test_every_fixture_and_method_in_it_is_there() -> None:
    for name in set(re.findall(r"\busersplit(?:_hits|_remote)?(?=[.,):])", PAGE)):
        assert hasattr(pytest_usersplit, name)
    for method in set(re.findall(r"\busersplit\.(\w+)", PAGE)) - {"example"}:
        assert hasattr(ForcedVariants(), method)
    for method in set(re.findall(r"\busersplit_remote\.(\w+)", PAGE)):
        assert hasattr(RemoteVariants, method)


def test_it_tells_every_option() -> None:
    source = Path(pytest_usersplit.__file__).read_text(encoding="utf-8")
    options = set(re.findall(r'"(--usersplit-\w+|usersplit_[a-z_]+)"', source))
    assert len(options) == 7
    assert not [option for option in options if option not in PAGE]


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    assert not [link for link in links if not (Path(__file__).parent.parent / "docs" / link).exists()]
