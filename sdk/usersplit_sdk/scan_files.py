"""Which files of a code base are searched: what git knows and does not ignore; without git, a walk that honours
ignore files. Nothing that a repository holds is run, and no link is followed.
"""

# ruff: noqa: PTH112, PTH114, PTH117, PTH118, PTH120 - paths are bytes here, which pathlib does not take

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from usersplit_sdk.scan_ignore import Rule, Rules, parse_rules

SIZE_LIMIT = 10 * 1024 * 1024
"""Larger files are not searched."""
BINARY_PROBE = 8000
"""A file with a zero byte among its first so many is no text (git's own rule)."""
OWN_FOLDERS = (b".git", b".hg", b".svn")
IGNORE_FILES = (b".gitignore", b".ignore")
NEST_LIMIT = 50
GIT_SECONDS = 300.0
"""A pipe in place of one of git's own files would keep it waiting for ever."""
SETTINGS = (
    "core.fsmonitor=false",
    "core.quotePath=false",
    f"core.hooksPath={os.devnull}",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
)
_NO_RULES = Rules(())

Note = Callable[[str], None]


class Skipped(Exception):
    """The file is not searched: ``why`` is ``binary``, ``large``, ``unreadable`` or ``link``."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def read_source(path: bytes) -> bytes:
    """A text file's bytes; raises ``Skipped``."""
    with _opened(path) as file:
        if os.fstat(file.fileno()).st_size > SIZE_LIMIT:
            raise Skipped("large")
        try:
            body = file.read(SIZE_LIMIT)
        except OSError:
            raise Skipped("unreadable") from None
    if b"\0" in body[:BINARY_PROBE]:
        raise Skipped("binary")
    return body


def begins_with(path: bytes, mark: bytes) -> bool:
    """Does the file begin with these bytes? No, if it cannot be read."""
    try:
        with _opened(path) as file:
            return file.read(len(mark)) == mark
    except (OSError, Skipped):
        return False


def _opened(path: bytes) -> BinaryIO:
    """The file, opened; raises ``Skipped``. A pipe is not waited for, a link is not followed."""
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        descriptor = os.open(path, flags)
    except OSError:
        raise Skipped("link" if os.path.islink(path) else "unreadable") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Skipped("unreadable")
    return os.fdopen(descriptor, "rb")


def find_files(path: bytes, exclude: Sequence[Rule], note: Note, *, use_git: bool = True) -> Iterator[bytes]:
    """The files at and below ``path``, relative to it; ``path`` itself, if it is a file, is an empty text."""
    if not os.path.isdir(path):
        yield b""
        return
    listed = _list_by_git(path, note) if use_git else None
    if listed is None:
        yield from _walk(path, Rules(exclude), note)
    else:
        yield from _chosen(path, listed, Rules(exclude), note, 0)


# ---- git -----------------------------------------------------------------------------------------------------


def git(folder: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    """Run a reading command of git in a folder; None if there is no git. It runs nothing that the repository names."""
    # One that lies in the folder at hand, which may be the repository, is not the machine's.
    folders = [
        place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(place)
    ]
    command = shutil.which("git", path=os.pathsep.join(folders))
    if command is None or not os.path.isabs(command):
        return None
    # What points git to another repository (in a hook, say) goes; what a repository may make it run is switched off.
    kept = {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES"}
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in kept
    }
    environment |= {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
    switches = [part for setting in SETTINGS for part in ("-c", setting)]
    whole = [command, *switches, "-C", os.fsdecode(folder), *arguments]
    try:
        return subprocess.run(
            whole,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=GIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(whole, 1, b"", b"it takes too long")


def _list_by_git(folder: bytes, note: Note) -> list[bytes] | None:
    """What git lists below a folder; None if it is not git's or git cannot say."""
    inside = git(folder, "rev-parse", "--is-inside-work-tree")
    if inside is None or inside.stdout.strip() != b"true":
        if inside is not None and b"not a git repository" not in inside.stderr and inside.stderr:
            note(f"git cannot read {os.fsdecode(folder)} and is not asked: {_first_line(inside.stderr)}")
        return None
    listed = git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed is None or listed.returncode != 0:
        reason = "it is gone" if listed is None else _first_line(listed.stderr)
        note(f"git cannot list {os.fsdecode(folder)} and is not asked: {reason}")
        return None
    return listed.stdout.split(b"\0")[:-1]


def _first_line(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip().partition("\n")[0]


def _chosen(folder: bytes, listed: list[bytes], exclude: Rules, note: Note, depth: int) -> Iterator[bytes]:
    """Of git's list what ``.ignore`` files and ``exclude`` leave, and what is in repositories within this one."""
    tree = _Tree(folder, exclude)
    # A file that is being merged is listed once for each side.
    for name in dict.fromkeys(listed):
        inner = name.rstrip(b"/")
        whole = os.path.join(folder, inner)
        try:
            is_folder = stat.S_ISDIR(os.lstat(whole).st_mode)
        except OSError:
            continue  # it is in the index and no longer on disk
        if not tree.keeps(inner, is_folder=is_folder):
            continue
        if not is_folder:
            yield inner
        # A submodule that is not checked out is an empty folder of this same repository.
        elif depth < NEST_LIMIT and os.path.lexists(os.path.join(whole, b".git")):
            nested = _list_by_git(whole, note) or []
            for path in _chosen(whole, nested, _NO_RULES, note, depth + 1):
                if tree.keeps(inner + b"/" + path, is_folder=False):
                    yield inner + b"/" + path


class _Tree:
    """Which of git's paths are left, folder by folder: a folder that is left out takes all below it along."""

    def __init__(self, root: bytes, exclude: Rules) -> None:
        self._root = root
        self._exclude = exclude
        self._outside, above = _rules_above(root, (b".ignore",))
        rules = Rules(_read_rules(root, (b".ignore",)), len(self._outside), above)
        self._folders: dict[bytes, Rules | None] = {b"": rules}

    def keeps(self, path: bytes, *, is_folder: bool) -> bool:
        rules = self._within(os.path.dirname(path))
        return rules is not None and self._left(path, rules, is_folder=is_folder)

    def _left(self, path: bytes, rules: Rules, *, is_folder: bool) -> bool:
        parts = path.split(b"/")
        return not (
            self._exclude.leave_out(parts, is_folder=is_folder)
            or rules.leave_out((*self._outside, *parts), is_folder=is_folder)
        )

    def _within(self, folder: bytes) -> Rules | None:
        """The rules within a folder, None if it is left out as a whole."""
        unknown = []
        while folder not in self._folders:
            unknown.append(folder)
            folder = os.path.dirname(folder)
        for inner in reversed(unknown):
            self._folders[inner] = self._rules_of(inner, self._folders[folder])
            folder = inner
        return self._folders[folder]

    def _rules_of(self, folder: bytes, above: Rules | None) -> Rules | None:
        whole = os.path.join(self._root, folder)
        # A folder that was replaced by a link to somewhere else is not what git has listed.
        if above is None or os.path.islink(whole) or not self._left(folder, above, is_folder=True):
            return None
        own = _read_rules(whole, (b".ignore",))
        return Rules(own, len(self._outside) + folder.count(b"/") + 1, above) if own else above


# ---- walking -------------------------------------------------------------------------------------------------


def _walk(root: bytes, exclude: Rules, note: Note) -> Iterator[bytes]:
    """Every file below a folder that no ignore file leaves out, by name, folder by folder."""
    outside, above = _rules_above(root, IGNORE_FILES)
    waiting: list[tuple[tuple[bytes, ...], Rules]] = [((), above)]
    while waiting:
        parts, above = waiting.pop()
        folder = os.path.join(root, *parts)
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as problem:
            note(f"{os.fsdecode(folder)} cannot be read: {problem.strerror}")
            continue
        present = [name for name in IGNORE_FILES if any(entry.name == name for entry in entries)]
        depth = len(outside) + len(parts)
        rules = Rules(_read_rules(folder, present), depth, above) if present else above
        folders = []
        for entry in entries:
            inner = (*parts, entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder and not entry.is_file(follow_symlinks=False):
                continue
            if is_folder and entry.name in OWN_FOLDERS:
                continue
            if exclude.leave_out(inner, is_folder=is_folder):
                continue
            if rules.leave_out((*outside, *inner), is_folder=is_folder):
                continue
            if is_folder:
                folders.append((inner, rules))
            else:
                yield b"/".join(inner)
        waiting += reversed(folders)


def _rules_above(path: bytes, names: Sequence[bytes]) -> tuple[tuple[bytes, ...], Rules]:
    """The parts of ``path`` from the root of its repository on, and the rules of the folders above it."""
    whole = os.path.realpath(path)
    root = whole
    while not os.path.lexists(os.path.join(root, b".git")):
        if root == os.path.dirname(root):
            root = whole
            break
        root = os.path.dirname(root)
    below = os.path.relpath(whole, root)
    parts = () if below == b"." else tuple(below.split(os.sep.encode()))
    # Where git is asked, its own files have been heeded already.
    own = (b"exclude",) if b".gitignore" in names else ()
    rules = Rules(_read_rules(os.path.join(root, b".git", b"info"), own))
    for depth in range(len(parts)):
        rules = Rules(_read_rules(os.path.join(root, *parts[:depth]), names), depth, rules)
    return parts, rules


def _read_rules(folder: bytes, names: Sequence[bytes]) -> list[Rule]:
    return [rule for name in names for rule in _read_each(os.path.join(folder, name))]


def _read_each(path: bytes) -> list[Rule]:
    try:
        return parse_rules(read_source(path))
    except Skipped:
        return []
