"""``codegen``: write the module of constants and typed helpers, or see whether it is stale."""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import secrets
import sys
from pathlib import Path

from usersplit_sdk.cli_output import complain, note, printable, say
from usersplit_sdk.cli_source import add_server, open_source
from usersplit_sdk.codegen import MARK, interface_of, render

SOURCE_LIMIT = 20 * 1024 * 1024
DIFF_LINES = 20


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    codegen = commands.add_parser(
        "codegen",
        help="write a Python module of keys, variants and typed helpers",
        usage="%(prog)s (FOLDER | --url URL) --output FILE [options]",
        description="Write a Python module of keys, variants and typed helpers, so that a typo is a type error.",
    )
    codegen.set_defaults(run=_codegen)
    codegen.add_argument("folder", nargs="?", help="the delivery folder")
    codegen.add_argument("--output", metavar="FILE", required=True, help="the module to write; - prints it")
    codegen.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if the module is stale"
    )
    codegen.add_argument("--without-finished", action="store_true", help="leave finished tests out")
    codegen.add_argument(
        "--force", action="store_true", help="overwrite a file that this command has not written"
    )
    add_server(codegen)


def _codegen(options: argparse.Namespace) -> int:
    if options.check and options.output == "-":
        options.command.error("--check wants the name of a file")
    with open_source(options, options.folder) as source:
        snapshot = source.snapshot()
    faults = [
        f"{path}: {entry.error}" for path, entry in sorted(snapshot.files.items()) if entry.test is None
    ]
    if faults:
        # A module without a test that is there would make sound code wrong.
        complain([*faults, "nothing is written: these files cannot be used, so their variants are not known"])
        return 1
    text = render(interface_of(snapshot, with_finished=not options.without_finished))
    if options.output == "-":
        _print(text)
        return 0
    path = Path(options.output)
    try:
        return _compare(path, text) if options.check else _write(path, text, force=options.force)
    except OSError as problem:
        complain([f"{path}: {problem.strerror or problem}"])
        return 1


def _print(text: str) -> None:
    """In UTF-8, as Python reads modules, whatever the terminal's encoding."""
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None:  # code that calls ``main`` may catch the output as text
        sys.stdout.write(text)
    else:
        sys.stdout.flush()
        raw.write(text.encode())


def _compare(path: Path, text: str) -> int:
    try:
        present = _read(path)
    except FileNotFoundError:
        complain([f"{path} does not exist; run without --check to write it"])
        return 1
    if _same(present, text):
        say(f"{printable(path)} is up to date")
        return 0
    complain([f"{path} is stale; run without --check to write it anew"])
    lines = [
        line
        for line in difflib.unified_diff(present.splitlines(), text.splitlines(), lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    complain(lines[:DIFF_LINES])
    if len(lines) > DIFF_LINES:
        complain([f"… and {len(lines) - DIFF_LINES} more lines"])
    return 1


def _same(present: str, text: str) -> bool:
    """Do the two say the same? A formatter, or git with its line endings, may have been at work."""
    if present == text:
        return True
    if len(present) > 2 * len(text) + 10_000:
        return False  # whatever that is, the parser need not see it
    try:
        return ast.dump(ast.parse(present)) == ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _write(path: Path, text: str, *, force: bool) -> int:
    target = Path(os.path.realpath(path))
    try:
        present = _read(target)
    except FileNotFoundError:
        present = None
    if present is not None and not present.startswith(MARK) and not force:
        complain([f"{path} was not written by this command; --force overwrites it"])
        return 1
    if present is not None and present.startswith(MARK) and _same(present, text):
        say(f"{printable(path)} is up to date")
        return 0
    mode = 0o666 if present is None else target.stat().st_mode & 0o777
    _replace(target, text.encode(), mode, keep_mode=present is not None)
    say(f"{printable(path)} is written")
    if path.suffix != ".py":
        note(f"{path} does not end in .py")
    return 0


def _replace(target: Path, body: bytes, mode: int, *, keep_mode: bool) -> None:
    """Write aside and rename, so that nobody ever imports half a module."""
    aside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(body)
        if keep_mode:
            aside.chmod(mode)
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _read(path: Path) -> str:
    """The file as text, whatever its bytes; raises ``OSError`` for what is no file of bearable size."""
    if path.exists() and not path.is_file():
        raise OSError("is no file")
    with path.open("rb") as file:
        body = file.read(SOURCE_LIMIT + 1)
    if len(body) > SOURCE_LIMIT:
        raise OSError("is larger than any module that this command writes")
    return body.decode("utf-8", "replace")
