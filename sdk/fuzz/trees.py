"""Strategies for sound condition trees, and for attributes that they may meet."""

from __future__ import annotations

from typing import Any

from conformance.pools import HOST_VALUES, OPERANDS, SCALARS, VALUES, predicate
from hypothesis import strategies as st

NAMES = ["a", "b", "c"]


@st.composite
def predicates(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(sorted(OPERANDS)))
    name, source = draw(st.sampled_from(NAMES)), draw(st.sampled_from(["user", "environment"]))
    return predicate(name, source, operator, draw(st.sampled_from(OPERANDS[operator])))


@st.composite
def alternating(draw: st.DrawFn, operands: st.SearchStrategy[Any]) -> list[Any]:
    tree: list[Any] = []
    for item in draw(st.lists(operands, max_size=5)):
        tree += [draw(st.sampled_from(["AND", "OR"]))] * bool(tree) + [item]
    return tree


trees = st.recursive(predicates(), alternating, max_leaves=8).map(lambda t: t if isinstance(t, list) else [t])
host_values = st.sampled_from(VALUES) | st.sampled_from([*SCALARS, *HOST_VALUES])
attributes = st.dictionaries(st.sampled_from(NAMES), host_values, max_size=3)
