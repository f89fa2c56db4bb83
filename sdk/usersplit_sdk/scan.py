"""Which tests a code base names, where, and which of those it should have forgotten."""

# ruff: noqa: PTH110, PTH114, PTH118, PTH119 - paths are bytes here, which pathlib does not take

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from usersplit_sdk.codegen import MARK
from usersplit_sdk.folder import MANIFEST
from usersplit_sdk.scan_files import Note, Skipped, begins_with, find_files, read_source
from usersplit_sdk.scan_ignore import Rule
from usersplit_sdk.scan_patterns import Use, Vocabulary, keys_of_module
from usersplit_sdk.snapshots import Entry, Snapshot

FINISHED = "finished"
_DELIVERED = re.compile(rb"/(?:tests|groups)/[a-z][a-z0-9_]{1,63}\.json\Z")


class Found(NamedTuple):
    """A use, the key that is meant, and the file: the path as bytes, as it can be opened."""

    key: str
    path: bytes
    use: Use


class Subject(NamedTuple):
    """A test or user group of the source: ``status`` is INVALID if its file cannot be used."""

    key: str
    kind: str
    status: str
    winner: str | None


class Scan(NamedTuple):
    """What was found: uses by test and user group, and of keys that are neither.

    ``known`` is None where there was no source to compare with. ``skipped`` counts files by the reason.
    """

    known: tuple[Subject, ...] | None
    uses: Mapping[str, Sequence[Found]]
    unknown: Sequence[Found]
    files: int
    skipped: Mapping[str, int]

    def finished_in_use(self) -> list[Subject]:
        """Finished tests that code still names; a generated module alone does not count."""
        return [
            subject
            for subject in self.known or ()
            if subject.status == FINISHED
            and any(found.use.kind != "generated" for found in self.uses[subject.key])
        ]

    def unused(self) -> list[Subject]:
        """Tests that are not finished and that no code names."""
        return [
            subject
            for subject in self.known or ()
            if subject.status != FINISHED
            and not any(found.use.kind != "generated" for found in self.uses[subject.key])
        ]


def subjects_of(snapshot: Snapshot) -> tuple[Subject, ...]:
    """What a delivery holds; a key that is a test's and a user group's is the test's."""
    found = {key: _subject(key, "group", entry) for key, entry in snapshot.groups.items()}
    found |= {key: _subject(key, "test", entry) for key, entry in snapshot.tests.items()}
    return tuple(found[key] for key in sorted(found))


def _subject(key: str, kind: str, entry: Entry) -> Subject:
    test = entry.test
    if test is None:
        return Subject(key, kind, "INVALID", None)
    return Subject(key, kind, test.status, None if test.outcome is None else test.outcome.variant)


def scan(
    paths: Iterable[bytes],
    snapshot: Snapshot | None,
    note: Note,
    *,
    exclude: Sequence[Rule] = (),
    without: Iterable[bytes] = (),
    use_git: bool = True,
    words: bool = False,
) -> Scan:
    """Search files and folders. ``snapshot`` is None if there is nothing to compare with: then every call is listed.

    ``without`` are folders that are left out wherever they are, such as the delivery itself.
    """
    known = None if snapshot is None else subjects_of(snapshot)
    tokens = {} if snapshot is None else snapshot.token_tests
    listed = sorted(_each(paths, exclude, without, note, use_git=use_git))
    vocabulary = Vocabulary(
        [subject.key for subject in known or ()], tokens, _generated_modules(listed), words=words
    )
    collector = _Collector(known, vocabulary)
    skipped: dict[str, int] = {}
    for path in listed:
        try:
            body = read_source(path)
        except Skipped as reason:
            skipped[reason.why] = skipped.get(reason.why, 0) + 1
            continue
        for use in vocabulary.uses(body):
            collector.add(path, use)
    return Scan(known, collector.uses, collector.unknown, len(listed) - sum(skipped.values()), skipped)


def _generated_modules(paths: Iterable[bytes]) -> dict[str, list[str]]:
    """The generated modules among the files, by their names, with the keys in each."""
    modules: dict[str, list[str]] = {}
    for path in paths:
        if not path.endswith(b".py") or not begins_with(path, MARK.encode()):
            continue
        try:
            body = read_source(path)
        except Skipped:
            continue
        name = os.fsdecode(os.path.basename(path)).removesuffix(".py")
        modules.setdefault(name, []).extend(keys_of_module(body))
    return modules


def _each(
    paths: Iterable[bytes], exclude: Sequence[Rule], without: Iterable[bytes], note: Note, *, use_git: bool
) -> Iterator[bytes]:
    """Every file once, also where paths overlap."""
    left_out = tuple(os.path.realpath(folder) + os.sep.encode() for folder in without)
    seen: set[bytes] = set()
    for path in paths:
        root = os.path.realpath(path)
        for inner in find_files(path, exclude, note, use_git=use_git):
            whole = os.path.join(root, inner) if inner else root
            if whole in seen or whole.startswith(left_out) or _is_delivered(whole):
                continue
            seen.add(whole)
            if inner:
                yield inner if path == b"." else os.path.join(path, inner)
            else:
                # Whoever names a link means the file behind it.
                yield root if os.path.islink(path) else path


def _is_delivered(path: bytes) -> bool:
    """A test file in some delivery folder names its own test, which is no use of it."""
    found = _DELIVERED.search(path)
    return found is not None and os.path.exists(path[: found.start() + 1] + MANIFEST.encode())


class _Collector:
    """Sorts uses by key."""

    def __init__(self, known: Sequence[Subject] | None, vocabulary: Vocabulary) -> None:
        self._compared = known is not None
        self._finished = {subject.key for subject in known or () if subject.status == FINISHED}
        self._vocabulary = vocabulary
        self.uses: dict[str, list[Found]] = {subject.key: [] for subject in known or ()}
        self.unknown: list[Found] = []

    def add(self, path: bytes, use: Use) -> None:
        for key in self._keys(use):
            found = Found(key, path, use)
            if key in self.uses:
                self.uses[key].append(found)
            elif self._compared:
                self.unknown.append(found)
            else:
                self.uses[key] = [found]

    def _keys(self, use: Use) -> Sequence[str]:
        """The keys that are meant. A token that a test which goes on has too is no sign of the finished one."""
        if use.kind == "name":
            return (self._vocabulary.names[use.name],)
        if use.kind == "conditions":
            return (self._vocabulary.classes[use.name],)
        if use.kind == "token":
            keys = self._vocabulary.tokens[use.name]
            return [key for key in keys if key not in self._finished] or keys
        return (use.name,)
