"""The command line ``usersplit-sdk``: what would a user get, what is delivered, is it sound, what does code know of it.

Exit codes: 0, 1 for what was found or could not be read, 2 for a call that makes no sense.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from usersplit_sdk import cli_check, cli_codegen, cli_scan, cli_show
from usersplit_sdk.cli_output import complain, printable
from usersplit_sdk.cli_source import SourceProblem


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code; a wrong call raises ``SystemExit(2)``, as argparse does."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except SourceProblem as problem:
        complain([problem])
        return 1
    except BrokenPipeError:
        # Whoever read the output has gone; the interpreter would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as problem:  # the disk that the output goes to is full, say
        complain([problem])
        return 1
    except KeyboardInterrupt:
        return 130
    return code


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a call in a way that no terminal mistakes for anything else: it quotes the call."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="usersplit-sdk",
        description=(__doc__ or "").partition(":")[2].partition("\n")[0].strip().capitalize(),
        epilog="Exit codes: 0; 1 for what was found or could not be read; 2 for a wrong call.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Command)
    for module in (cli_check, cli_show, cli_codegen, cli_scan):
        module.add_to(commands)
    return parser


class _Command(_Parser):
    """Keeps itself in the options, for errors that only the command can see, and takes options anywhere."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings, allow_abbrev=False)  # type: ignore[arg-type]
        self.set_defaults(command=self)
        self._intermixed = False

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        # argparse itself would refuse `check delivery/ --user 1 green_button`.
        if self._intermixed:
            return super().parse_known_args(args, namespace)
        self._intermixed = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixed = False


if __name__ == "__main__":
    sys.exit(main())
