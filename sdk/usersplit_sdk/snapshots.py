"""What a client knows at one moment: every test and group, compiled or refused; replaced as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar, cast

from usersplit_sdk.documents import CompiledTest, Kind, parse_document
from usersplit_sdk.engine import TestsOff
from usersplit_sdk.errors import InvalidDocument, Problem

Found = TypeVar("Found")


class Entry(NamedTuple):
    """One file: its checksum (empty for documents without a file), and the test or else what is wrong with it."""

    checksum: str
    test: CompiledTest | None
    error: str | None = None


class Snapshot:
    """``files`` are entries by path (``tests/green_button.json``); the rest is derived from them or the manifest.

    ``unsettled``: some file did not agree with the manifest, so the source is worth another look. ``tests`` and
    ``groups`` are the entries by key, ascending; ``token_tests`` the keys of the tests that have texts for a token.
    """

    __slots__ = (
        "files", "groups", "problems", "published_at", "tests", "tests_off", "token_tests", "unsettled", "version",
    )  # fmt: skip

    def __init__(
        self,
        files: Mapping[str, Entry] | None = None,
        version: int | None = None,
        published_at: str | None = None,
        tests_off: TestsOff | None = None,
        problems: tuple[Problem, ...] = (),
        unsettled: bool = False,
    ) -> None:
        self.files: Mapping[str, Entry] = files or {}
        self.version = version
        self.published_at = published_at
        self.tests_off = tests_off or TestsOff()
        self.problems = problems
        self.unsettled = unsettled
        in_order = sorted(self.files)
        self.tests: Mapping[str, Entry] = _by_key(self.files, in_order, "tests/")
        self.groups: Mapping[str, Entry] = _by_key(self.files, in_order, "groups/")
        tokens: dict[str, list[str]] = {}
        for key, entry in self.tests.items():
            if entry.test is not None and entry.test.texts:
                for token in entry.test.texts:
                    tokens.setdefault(token, []).append(key)
        self.token_tests: Mapping[str, tuple[str, ...]] = {
            token: tuple(keys) for token, keys in tokens.items()
        }


def _by_key(files: Mapping[str, Entry], paths: Sequence[str], folder: str) -> Mapping[str, Entry]:
    begin, end = len(folder), -len(".json")
    return {path[begin:end]: files[path] for path in paths if path.startswith(folder)}


def find(entries: Mapping[str, Found], key: object) -> Found | None:
    """The entry of a key that comes from a host application, which may hand over anything."""
    plain = plain_text(key)
    return None if plain is None else entries.get(plain)


def plain_text(value: object) -> str | None:
    """The text, also of a subclass with a hash or an equality of its own; None for what is no text."""
    if type(value) is str:
        return value
    try:
        return str.__str__(value) if isinstance(value, str) else None
    except Exception:  # noqa: BLE001 - what an object of the host's says of itself may be wrong, or fail
        return None


def split_path(path: str) -> tuple[str, str]:
    """``tests/green_button.json`` → ``("tests", "green_button")``."""
    folder, _, name = path.partition("/")
    return folder, name.removesuffix(".json")


def compile_entry(path: str, document: object, checksum: str = "") -> Entry:
    """Compile one file's document; whatever is wrong with it becomes the entry's error, never an exception."""
    folder, key = split_path(path)
    try:
        test = parse_document(document)
        if test.key != key or f"{test.kind}s" != folder:
            raise InvalidDocument("key", f"is {test.kind} {test.key}, which does not belong into {path}")
    except InvalidDocument as problem:
        return Entry(checksum, None, str(problem))
    except (RecursionError, MemoryError) as problem:
        return Entry(checksum, None, f"the file cannot be held ({type(problem).__name__})")
    return Entry(checksum, test)


def snapshot_of_documents(tests: Iterable[object], groups: Iterable[object], tests_off: object) -> Snapshot:
    """A snapshot without a folder; documents without a usable key are only reported."""
    files: dict[str, Entry] = {}
    problems: list[Problem] = []
    for kind, documents in (("test", tests), ("group", groups)):
        for index, document in enumerate(documents):
            key = document.get("key") if isinstance(document, Mapping) else None
            if not isinstance(key, str):
                problems.append(Problem(f"{kind}s[{index}]", "key: must be a text"))
                continue
            path = f"{cast(Kind, kind)}s/{key}.json"
            files[path] = compile_entry(path, document)
            if files[path].error is not None:
                problems.append(Problem(path, files[path].error or ""))
    try:
        off = parse_tests_off(tests_off)
    except InvalidDocument as problem:
        off = TestsOff()
        problems.append(Problem("tests_off", str(problem)))
    return Snapshot(files, tests_off=off, problems=tuple(problems))


def parse_tests_off(value: object) -> TestsOff:
    """Read ``{"user_ids": […], "device_ids": […]}``; both may be absent."""
    if value is None:
        return TestsOff()
    if not isinstance(value, Mapping):
        raise InvalidDocument("tests_off", "must be an object")
    return TestsOff(_ids(value, "user_ids"), _ids(value, "device_ids"))


def _ids(value: Mapping[str, object], name: str) -> frozenset[str]:
    ids = value.get(name, [])
    if not isinstance(ids, (list, tuple, set, frozenset)):
        raise InvalidDocument(f"tests_off.{name}", "must be a list")
    if not all(isinstance(item, str) for item in ids):
        raise InvalidDocument(f"tests_off.{name}", "must hold texts only")
    return frozenset(ids)
