"""The command line of the embedded parts: `python -m usersplit.embedded`."""

from __future__ import annotations

import argparse
import sys

from usersplit.embedded.execute import execute
from usersplit.embedded.privileges import CannotDropRoot
from usersplit.embedded.processes import StartFailed
from usersplit.embedded.run import run
from usersplit.embedded.servers import InUse


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m usersplit.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    whole = commands.add_parser(
        "run", help="the whole product: PORT, HOST and DEMO are read from the environment"
    )
    whole.add_argument("--var", help="its folder (default: $VAR_DIR, else var/)")
    whole.add_argument("--with-parent", action="store_true", help="end when the process that started us ends")
    one = commands.add_parser("exec", help="a command with a database and a broker of its own")
    one.add_argument("--var", help="their folder (default: a temporary one)")
    one.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run")
    options = parser.parse_args(arguments)
    try:
        if options.what == "run":
            return run(options.var, with_parent=options.with_parent)
        command = options.command[1:] if options.command[:1] == ["--"] else options.command
        if not command:
            parser.error("exec needs a command after --")
        return execute(command, options.var)
    except (StartFailed, InUse, CannotDropRoot, PermissionError) as error:
        print(f"usersplit: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
