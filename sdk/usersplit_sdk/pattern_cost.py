"""An upper bound for the work of a backtracking search, from the shape of the pattern alone.

For one starting position every node has a number of ``paths`` (ways through it) and of ``steps`` (the work of
trying them all). A sequence multiplies ways and adds work. A repeat has one way if the next character always
says whether to go on or to leave; otherwise as many as it has lengths, and if its body has several ways too it
is exponential. At the top, endless repeats meet ordered positions of one text: k of them are n^k / k! ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

from usersplit_sdk.pattern_tree import (
    Alternatives,
    Characters,
    Edge,
    Node,
    Ranges,
    Repeat,
    Sequence,
    UnsafePattern,
    merged,
)

SIZE_LIMIT = 1000  # RE2 unrolls counted repeats and refuses more than this
TOO_MANY = 10**12
# The stdlib's engine loops over a single character fastest if fixed text follows, and slowly over a group.
LOOKED_FOR_STEP = 1
CHARACTER_STEP = 4
GROUP_STEP = 8


@dataclass(frozen=True)
class Outline:
    """What does not depend on the surroundings: least width, first characters, size when written out."""

    width: int
    first: Ranges
    size: int


@dataclass(frozen=True)
class Cost:
    """``linear``: the next character decides everywhere inside, so the work is bounded by size × length."""

    paths: int
    steps: int
    linear: bool


def worst_case_steps(node: Node, subject_limit: int) -> int:
    """Steps that a search in a text of ``subject_limit`` characters cannot exceed; raises for refused shapes."""
    branches = node.branches if isinstance(node, Alternatives) else (node,)
    analysis = _Analysis(subject_limit)
    if sum(analysis.outline(branch).size for branch in branches) > SIZE_LIMIT:
        raise UnsafePattern("the pattern is too large when its repeats are written out")
    return sum(analysis.search_steps(_items(branch)) for branch in branches)


def refuse_nested_repeats(node: Node, subject_limit: int) -> None:
    """Refuse what is exponential as it is written, ``(a+)+$``, even where a search can do without its loose ends.

    Whoever writes that means something else, and other engines would run it as it stands.
    """
    analysis = _Analysis(subject_limit)
    branches = node.branches if isinstance(node, Alternatives) else (node,)
    if any(analysis.is_exponential(_items(branch)) for branch in branches):
        raise UnsafePattern(
            "a repeat inside a repeat, such as (a+)+, can take for ever on some texts: write a+ instead"
        )


class _Analysis:
    """One walk over one tree, each outline computed once (the tree outlives it, so identities hold)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._outlines: dict[int, Outline] = {}

    def search_steps(self, items: tuple[Node, ...]) -> int:
        """The work of trying ``items`` from every starting position, or from the first if that is all it needs."""
        anchored = bool(items) and items[0] == Edge("^")
        ways = 1 if anchored else -(-self._limit // _literal_period(items))
        ordered = 0 if anchored else 1
        total = self._limit
        for position, item in enumerate(items):
            rest = items[position + 1 :]
            # The end of the pattern is the end of the search, so nothing can be tried again there.
            cost = self._cost(item, rest, self._first(rest, ()))
            endless = isinstance(item, Repeat) and item.high is None
            if isinstance(item, Characters) and position and _loops_over_characters(items[position - 1]):
                cost = Cost(1, 0, linear=True)  # looking for it is part of that loop's steps
            total += ways * cost.steps // factorial(ordered + (1 if endless else 0))
            ways = min(TOO_MANY, ways * cost.paths)
            ordered += 1 if endless and cost.paths > 1 else 0
        return total

    def is_exponential(self, items: tuple[Node, ...]) -> bool:
        """Whether the ways through one of the items are too many to count."""
        return any(
            self._cost(item, items[place + 1 :], self._first(items[place + 1 :], ())).paths >= TOO_MANY
            for place, item in enumerate(items)
        )

    def outline(self, node: Node) -> Outline:
        known = self._outlines.get(id(node))
        if known is None:
            known = self._outlines[id(node)] = self._outline(node)
        return known

    def _outline(self, node: Node) -> Outline:
        if isinstance(node, Characters):
            return Outline(1, node.ranges, 1)
        if isinstance(node, Edge):
            return Outline(0, (), 1)
        if isinstance(node, Repeat):
            body = self.outline(node.body)
            if body.width == 0 and node.high != 1:
                raise UnsafePattern("a repeated group must not match the empty text")
            copies = max(node.low, node.high or 0, 1)
            return Outline(body.width * node.low, body.first, body.size * copies + 1)
        parts = [self.outline(part) for part in _parts(node)]
        size = 1 + sum(part.size for part in parts)
        if isinstance(node, Sequence):
            return Outline(sum(part.width for part in parts), self._first(node.items, ()), size)
        first = merged([span for part in parts for span in part.first])
        return Outline(min(part.width for part in parts), first, size)

    def _cost(self, node: Node, rest: tuple[Node, ...], follow: Ranges) -> Cost:
        """``rest`` stands right after the node; ``follow`` are the characters that whatever comes next begins with."""
        if isinstance(node, Repeat):
            return self._repeat_cost(node, rest, follow)
        if isinstance(node, Alternatives):
            return self._alternatives_cost(node, follow)
        if not isinstance(node, Sequence):
            return Cost(1, 1, linear=True)
        paths, steps, linear = 1, 1, True
        for position, item in enumerate(node.items):
            after = node.items[position + 1 :]
            cost = self._cost(item, after, self._first(after, follow))
            steps = min(TOO_MANY, steps + paths * cost.steps)
            paths = min(TOO_MANY, paths * cost.paths)
            linear = linear and cost.linear
        return Cost(paths, steps, linear)

    def _alternatives_cost(self, node: Alternatives, follow: Ranges) -> Cost:
        outlines = [self.outline(branch) for branch in node.branches]
        costs = [self._cost(branch, (), follow) for branch in node.branches]
        apart = all(outline.width > 0 for outline in outlines) and not any(
            _overlap(one.first, other.first)
            for index, one in enumerate(outlines)
            for other in outlines[index + 1 :]
        )
        paths = max(cost.paths for cost in costs) if apart else sum(cost.paths for cost in costs)
        steps = sum(cost.steps for cost in costs)
        return Cost(min(TOO_MANY, paths), steps, apart and all(cost.linear for cost in costs))

    def _repeat_cost(self, node: Repeat, rest: tuple[Node, ...], follow: Ranges) -> Cost:
        outline = self.outline(node.body)
        cost = self._cost(node.body, (), merged([*outline.first, *follow]))
        most = self._limit if node.high is None else node.high
        turns = min(most, self._limit // max(outline.width, 1))
        lengths = max(1, turns - node.low + 1)
        weight = GROUP_STEP
        if isinstance(node.body, Characters):
            weight = LOOKED_FOR_STEP if rest and _is_fixed(rest[0]) else CHARACTER_STEP
        if cost.paths > 1:
            # The sum of paths**k over the possible numbers of turns, cut off where it no longer matters.
            paths = min(TOO_MANY, 2 * cost.paths ** min(turns, 40))
            return Cost(paths, min(TOO_MANY, weight * cost.steps * max(turns, 1) * paths), linear=False)
        # A body that may be empty can also be left out, to the same effect: that is a second way.
        one_way = outline.width > 0 and (lengths == 1 or not _overlap(outline.first, follow))
        steps = weight * max(turns, 1) * cost.steps
        if cost.linear:
            steps = min(steps, weight * outline.size * self._limit)
        paths = 1 if one_way else min(lengths, -(-self._limit // _literal_period(rest)))
        return Cost(paths, min(TOO_MANY, steps), linear=one_way and cost.linear)

    def _first(self, items: tuple[Node, ...], follow: Ranges) -> Ranges:
        """The characters that ``items``, and after them ``follow``, can begin with."""
        found: list[tuple[int, int]] = []
        for item in items:
            outline = self.outline(item)
            found.extend(outline.first)
            if outline.width > 0 or item == Edge("$"):
                return merged(found)
        return merged([*found, *follow])


def _parts(node: Sequence | Alternatives) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else node.branches


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else (node,)


def _is_fixed(node: Node) -> bool:
    return isinstance(node, Characters) and node.ranges[0][0] == node.ranges[-1][1]


def _loops_over_characters(node: Node) -> bool:
    return isinstance(node, Repeat) and isinstance(node.body, Characters)


def _literal_period(items: tuple[Node, ...]) -> int:
    """How far apart two places must be at least where the leading fixed text of ``items`` stands."""
    text = []
    for item in items:
        if not isinstance(item, Characters) or not _is_fixed(item):
            break
        text.append(item.ranges[0][0])
    for period in range(1, len(text)):
        if text[period:] == text[:-period]:
            return period
    return max(1, len(text))


def _overlap(one: Ranges, other: Ranges) -> bool:
    return any(low <= high2 and low2 <= high for low, high in one for low2, high2 in other)
