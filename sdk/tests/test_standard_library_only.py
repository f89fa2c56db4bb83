"""Nothing to install: every import of the package is its own or the standard library's."""

import ast
import sys
from pathlib import Path

import pytest

import usersplit_sdk

PACKAGE = Path(usersplit_sdk.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        for name in names:
            assert name.partition(".")[0] in {*sys.stdlib_module_names, "usersplit_sdk"}, name


def test_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert len(MODULES) > 10
