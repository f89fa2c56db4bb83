"""The walls that import-linter guards are all the walls there are."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = {"bench", "docs", "examples", "sdk", "scripts", "tests", "templates"}


def test_every_package_of_the_product_is_in_the_contracts() -> None:
    """A new package joins the order from its first day."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - OUTSIDE
    order, inside = settings["contracts"][0]["layers"], settings["contracts"][1]["containers"]
    placed = {name.strip(" ()") for layer in order for name in layer.split("|")}

    assert packages <= set(settings["root_packages"])
    assert packages <= placed
    assert packages - {"usersplit"} <= set(inside)
