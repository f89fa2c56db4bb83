"""Which tests can give a user a variant at all: those that own the split group, and of many those alone whose
conditions can be met. Leaving tests out is all it does; the tests it names are decided by their own checks.

Where a split group has many tests, their conditions are seen as alternatives of *terms*: a term allows certain values
of certain filters, and every predicate that is not about certain values counts as met. Each term has a bit. For one
filter's value a mask holds the terms that allow it; the masks of all filters together leave the terms that can be
met. (This is the bitmap index of Whang et al., "Indexing Boolean Expressions", VLDB 2009, in its simplest form.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from usersplit_sdk.conditions import Group, Predicate
from usersplit_sdk.model import SPLIT_GROUPS

MANY = 12
"""From this number of tests on, looking at the conditions of all together is worth it."""
FEW = 16
TERMS_LIMIT = 16
VALUES_LIMIT = 4_096

FilterName = tuple[bool, str]
"""Of the user (else of the request), and the filter's name."""
Term = Mapping[FilterName, frozenset[object]]
ANY: tuple[Term, ...] = ({},)
"""One term, which allows everything."""
# Of other classes a value may equal one that it does not share a hash with; then nothing is left out.
_PLAIN = frozenset((str, int, bool, float, type(None)))


if TYPE_CHECKING:
    from typing import Protocol

    class Indexed(Protocol):
        """A test to be found: who owns its split groups (a byte for each of 0..2400), and what its conditions allow."""

        @property
        def is_for_everybody(self) -> bool:
            """Is it to be found for every user, whatever the split group?"""

        @property
        def owned(self) -> bytes:
            """Not 0 for the split groups that a variant owns."""

        @property
        def terms(self) -> tuple[Term, ...]:
            """``ANY`` for a test that is for everybody."""


class _Filter(NamedTuple):
    of_user: bool
    name: str
    masks: Mapping[object, int]
    otherwise: int


class Index:
    """Over the tests of one snapshot, by their place in ``tests``; those at the places ``always`` are for every user."""

    def __init__(self, tests: Sequence[Indexed]) -> None:
        self._tests = tests
        self._always = [place for place, one in enumerate(tests) if one.is_for_everybody]
        # One row a test; a split group is a column, so that it is found without a loop in Python.
        self._table = b"".join(one.owned for one in tests)
        self._owners: dict[int, tuple[int, ...]] = {}
        self._own_terms: dict[int, int] = {}
        self._terms: _Terms | None = None

    def owners(self, split_group: int) -> tuple[int, ...]:
        """Places of the tests that own the split group (0: none), and of those for every user; ascending."""
        found = self._owners.get(split_group)
        if found is None:
            column = self._table[split_group :: SPLIT_GROUPS + 1]
            found = tuple(compress(range(len(column)), column))
            if self._always:
                found = tuple(sorted({*found, *self._always}))
            self._owners[split_group] = found
        return found

    def possible(
        self, split_group: int, profile: Mapping[str, object], environment: Mapping[str, object]
    ) -> Iterator[int]:
        """The same without those whose conditions these attributes cannot meet."""
        terms = self._terms
        if terms is None:
            terms = self._terms = _Terms(self._tests)
        left = self._own_terms.get(split_group)
        if left is None:
            left = self._own_terms[split_group] = terms.of(self.owners(split_group))
        for of_user, name, masks, otherwise in terms.filters:
            value = profile.get(name) if of_user else environment.get(name)
            if value.__class__ in _PLAIN:
                left &= masks.get(value, otherwise)
        # Bit by bit where few are left, else one test after the other.
        if left.bit_count() < FEW:
            return terms.places(left)
        return (place for place in self.owners(split_group) if left & terms.bits[place])


class _Terms:
    """The terms of all tests, a bit for each, those of one test beside each other."""

    def __init__(self, tests: Sequence[Indexed]) -> None:
        self._places: list[int] = []
        self.bits: list[int] = []
        allowed: dict[FilterName, dict[object, int]] = {}
        bound: dict[FilterName, int] = {}
        for place, one in enumerate(tests):
            terms = one.terms
            self.bits.append(((1 << len(terms)) - 1) << len(self._places))
            for term in terms:
                bit = 1 << len(self._places)
                self._places.append(place)
                for name, values in term.items():
                    bound[name] = bound.get(name, 0) | bit
                    masks = allowed.setdefault(name, {})
                    for value in values if len(masks) <= VALUES_LIMIT else ():
                        masks[value] = masks.get(value, 0) | bit
        every = (1 << len(self._places)) - 1
        self.filters = tuple(
            _Filter(
                *name,
                {value: mask | every & ~bound[name] for value, mask in masks.items()},
                every & ~bound[name],
            )
            for name, masks in allowed.items()
            if len(masks) <= VALUES_LIMIT
        )

    def of(self, places: Sequence[int]) -> int:
        """The terms of these tests."""
        mask = 0
        for place in places:
            mask |= self.bits[place]
        return mask

    def places(self, terms: int) -> Iterator[int]:
        """The tests that these terms are of, ascending."""
        while terms:
            place = self._places[(terms & -terms).bit_length() - 1]
            terms &= ~self.bits[place]
            yield place


def terms_of(group: Group) -> tuple[Term, ...]:
    """What conditions allow at most, as alternatives; a single empty term if that cannot be said in few."""
    if not group.chains:
        return ANY
    terms: list[Term] = []
    for chain in group.chains:
        alternatives: tuple[Term, ...] = ANY
        for item in chain:
            further = _term_of(item) if isinstance(item, Predicate) else terms_of(item)
            alternatives = tuple(_both(one, other) for one in alternatives for other in further)
            if len(alternatives) > TERMS_LIMIT:
                return ANY
        terms += alternatives
    return tuple(terms) if len(terms) <= TERMS_LIMIT and all(terms) else ANY


def _term_of(predicate: Predicate) -> tuple[Term, ...]:
    only = predicate.comparison.only
    return ANY if only is None else ({(predicate.of_user, predicate.name): only},)


def _both(one: Term, other: Term) -> Term:
    shared = {name: one[name] & other[name] for name in one if name in other}
    return {**one, **other, **shared}
