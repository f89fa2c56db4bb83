"""Ignore files are read as git reads them; git itself is the judge where there is one (test_scan_git)."""

import pytest

from usersplit_sdk.scan_ignore import Rules, parse_rules


def ignored(lines: str, path: str) -> bool:
    """Is the path left out, by itself or with a folder that it is in?"""
    rules = Rules(parse_rules(lines.encode()))
    parts = path.rstrip("/").encode().split(b"/")
    folders = [rules.leave_out(parts[:end], is_folder=True) for end in range(1, len(parts))]
    return any(folders) or rules.leave_out(parts, is_folder=path.endswith("/"))


@pytest.mark.parametrize(
    ("lines", "left_out", "kept"),
    [
        ("build", ["build", "a/build", "build/x", "a/build/x/y"], ["builds", "a/rebuild"]),
        ("build/", ["build/", "build/x", "a/build/x"], ["build"]),
        ("/build", ["build", "build/x"], ["a/build"]),
        ("a/b", ["a/b", "a/b/c"], ["x/a/b"]),
        ("*.py", ["x.py", "a/.py"], ["x.pyc", "py"]),
        ("a*b*c", ["abc", "axxbxxc"], ["abcd", "acb"]),
        ("?", ["a", "x/b"], ["ab"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[!a-c]x", ["dx"], ["ax"]),
        ("[]-]", ["]", "-"], ["a"]),
        ("[[:digit:]]", ["7"], ["a", ":"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax"]),
        ("a/**", ["a/x", "a/x/y"], ["a"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
        ("a/*/b", ["a/x/b"], ["a/b", "a/x/y/b"]),
        ("*.log\n!keep.log", ["a.log"], ["keep.log", "a/keep.log"]),
        ("a/\n!a/keep", ["a/keep"], []),
        ("!x\nx", ["x"], []),
        ("# x\n\\#y\n\\!z", ["#y", "!z"], ["x", "# x"]),
        ("trailing   \nescaped\\ ", ["trailing", "escaped "], ["escaped", "trailing "]),
        ("x\r\ny\r\n", ["x", "y"], ["x\r"]),
        ("\ufeffx", ["x"], []),
        ("[a\n\\\n/\n!\n[z-a]\n[[:nothing:]]", [], ["[a", "\\", "a", ":"]),
    ],
)
def test_patterns(lines: str, left_out: list[str], kept: list[str]) -> None:
    assert [path for path in left_out if not ignored(lines, path)] == []
    assert [path for path in kept if ignored(lines, path)] == []


def test_inner_folder_overrules_the_outer_one() -> None:
    outer = Rules(parse_rules(b"*.txt\n"))
    inner = Rules(parse_rules(b"!a.txt\n/b.md"), 1, outer)
    assert outer.leave_out([b"a.txt"], is_folder=False)
    assert not inner.leave_out([b"in", b"a.txt"], is_folder=False)
    assert inner.leave_out([b"in", b"b.txt"], is_folder=False)
    assert inner.leave_out([b"in", b"b.md"], is_folder=False)
    assert not inner.leave_out([b"in", b"deep", b"b.md"], is_folder=False)


@pytest.mark.parametrize(
    "pattern", ["*a" * 500 + "b", "**/" * 500 + "b", "*" * 5000 + "b", "[" * 5000, "\\" * 4999]
)
def test_hostile_pattern_comes_to_an_end(pattern: str) -> None:
    """As one regular expression the first of them would run for longer than anybody lives."""
    rules = parse_rules(pattern.encode())
    assert not Rules(rules).leave_out([b"a" * 250] * 200, is_folder=False)
