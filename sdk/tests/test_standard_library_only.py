"""Nothing to install: every import of the package is its own or the standard library's; an integration's also its framework's."""

import ast
import sys
from pathlib import Path

import pytest

import usersplit_sdk

PACKAGE = Path(usersplit_sdk.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


INTEGRATIONS = PACKAGE / "integrations"
FRAMEWORKS = {
    "django": {"django", "asgiref"},
    "flask": {"flask", "werkzeug"},
    "starlette": {"starlette"},
    "celery": {"celery"},
    "openfeature": {"openfeature"},
}
"""What the integration of that name may import, besides: nothing else in the SDK may."""


def imports_of(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.append(node.module or "")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports(path: Path) -> None:
    allowed = {*sys.stdlib_module_names, "usersplit_sdk"}
    if path.is_relative_to(INTEGRATIONS):
        allowed |= FRAMEWORKS.get(path.relative_to(INTEGRATIONS).parts[0].removesuffix(".py"), set())
    for name in imports_of(path):
        assert name.partition(".")[0] in allowed, name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_needs_an_integration(path: Path) -> None:
    if not path.is_relative_to(INTEGRATIONS):
        assert not [name for name in imports_of(path) if name.startswith("usersplit_sdk.integrations")]


def test_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert len(MODULES) > 10
