"""Sound documents, and strategies for what may be wrong with one, or with any other bytes that stand in its place."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import strategies as st

PATTERNS = [
    "(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*a){20}", "((a+)+)+x", "a{1,500}" * 20, "(?=a)a", "(a)\\1", "[a-", "(" * 99,
    "a{0,500}b{0,500}c{0,500}d$", "^(\\w+\\s?)*$", "(x+x+)+y", "\\d{400}" * 10, "a**", "(?i)a", "\ud800", "\\p{L}+",
]  # fmt: skip
TRICKS = [
    "{v}", "{V}", "{0.__class__}", '"""', "'''", "\\", "\n", "__import__('os')", "x0", "{", "}", "%s", "\x00", "\ud800",
    "\u2028", "profile", "__builtins__", "", "AND", "OR", "a" * 5000, "../../etc/passwd", "true", "٣",
]  # fmt: skip
NUMBERS = [0, -1, 1.5, 2401, 10**30, -(10**400), 1e308, 2**63, 10**4000, -0.0]

any_json: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*PATTERNS, *TRICKS, *NUMBERS]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*TRICKS[:6], "filter", "value", "name", "key"]), inner, max_size=4)
    ),
    max_leaves=10,
)


def sound(key: str, variant: str, kind: str = "test", **changes: Any) -> dict[str, Any]:
    """A test that every user of the right kind is in, with something of all that a file may hold."""
    return {
        "format": 1,
        "kind": kind,
        "key": key,
        "status": "running",
        "side": "server",
        "settings_group": 3,
        "starts_at": "2020-01-01T00:00:00Z",
        "ends_at": None,
        "conditions": [
            {"filter": "country_id", "source": "user", "operator": "in", "value": [50, 51]},
            "AND",
            [
                {"filter": "platform", "source": "environment", "operator": "eq", "value": "web"},
                "OR",
                {"filter": "agent", "source": "environment", "operator": "matches", "value": "Chrome/[0-9]+"},
                "OR",
                {"filter": "app_version", "source": "user", "operator": "version_gt", "value": "1.9"},
            ],
        ],
        "control": None,
        "variants": [{"name": variant, "split_groups": [[1, 1200]], "payload": {"color": "#0a0"}}],
        "forced": [{"variant": variant, "user_id": "forced", "environment": "production"}],
        "outcome": None,
        "tokens": {"pay_button": {variant: {"en": "Get it", "de": "Hol es dir"}}},
        **changes,
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a document."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path] + [found for name, child in children for found in places(child, (*path, name))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The document with something else in one place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def as_bytes(document: Any, *, in_ascii: bool = False) -> bytes:
    """As JSON that may hold NaN and lone surrogates (these as an escape in ASCII, else as bytes that are no UTF-8)."""
    try:
        return json.dumps(document, ensure_ascii=in_ascii).encode("utf-8", "surrogatepass")
    except ValueError:  # an integer of more digits than Python writes
        return b'{"format": ' + b"9" * 5000 + b"}"


def _deep(depth: int, opening: bytes, closing: bytes) -> bytes:
    return opening * depth + closing * depth


def _wide(predicates: int, depth: int) -> dict[str, Any]:
    one = {"filter": "country_id", "source": "user", "operator": "neq", "value": 50}
    tree: list[Any] = [one]
    for number in range(1, predicates):
        tree += ["AND" if number % 3 else "OR", one]
    for _ in range(depth):
        tree = [tree]
    return sound("victim", "v2", conditions=tree)


def _pattern(pattern: str) -> dict[str, Any]:
    of_agent = {"filter": "agent", "source": "environment", "operator": "matches", "value": pattern}
    return sound("victim", "v2", conditions=[of_agent])


def _many_variants(count: int) -> dict[str, Any]:
    variants = [{"name": f"v{n}", "split_groups": [[n, n]]} for n in range(1, count + 1)]
    return sound("victim", "v1", variants=variants)


VICTIM = sound("victim", "v2")
BODY = as_bytes(VICTIM)
mutated = st.builds(
    lambda changes: as_bytes(_changed(changes)),
    st.lists(st.tuples(st.sampled_from(places(VICTIM)), any_json), min_size=1, max_size=3),
)
spliced = st.builds(
    lambda at, length, by: BODY[: at % len(BODY)] + by + BODY[at % len(BODY) + length :],
    st.integers(0, 5000),
    st.integers(0, 60),
    st.binary(max_size=8)
    | st.sampled_from([b'"', b"\\", b"[" * 99, b"NaN", b"-Infinity", b"1e9999", b"\\ud800"]),
)
doubled = st.builds(
    lambda name, value: b'{"' + name.encode() + b'": ' + as_bytes(value) + b", " + BODY[1:],
    st.sampled_from(sorted(VICTIM)),
    any_json,
)
nested = st.builds(
    _deep,
    st.sampled_from([30, 500, 990, 20_000, 1_000_000]),
    st.sampled_from([b"[", b'{"conditions":', b'[{"a":']),
    st.sampled_from([b"]", b"}", b""]),
)
nested_inside = nested.map(lambda deep: BODY.replace(b'"payload": {', b'"deep": ' + deep + b', "payload": {'))
large = st.builds(
    _wide, st.sampled_from([1, 1500, 10_000, 10_001]), st.sampled_from([0, 31, 32, 33, 400])
).map(as_bytes)
variants = st.sampled_from([0, 1, 255, 256, 2400, 2401]).map(_many_variants).map(as_bytes)
exploding = st.sampled_from(PATTERNS).map(_pattern).map(as_bytes)
encoded = st.sampled_from(["utf-16", "utf-8-sig", "utf-32", "latin-1"]).map(
    lambda encoding: json.dumps(VICTIM).encode(encoding)
)

BODIES: dict[str, st.SearchStrategy[bytes]] = {
    "any bytes": st.binary(max_size=300),
    "any JSON": any_json.map(as_bytes),
    "other values": mutated,
    "cut and spliced": spliced,
    "doubled keys": doubled,
    "nested": nested,
    "nested inside": nested_inside,
    "many predicates": large,
    "many variants": variants,
    "exploding patterns": exploding,
    "other encodings": encoded,
}


def _changed(changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    document: Any = VICTIM
    for path, value in changes:
        # An earlier change may have taken the place away.
        with contextlib.suppress(KeyError, IndexError, TypeError, ValueError):
            document = replaced(document, path, value)
    return document
