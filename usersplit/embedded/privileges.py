"""PostgreSQL refuses to run as root: started by root, it runs as `nobody`.

When the code or `var` lies where `nobody` may not go (below /root, say), the server is lent one capability:
to pass folders. That leaves the data where it belongs and everybody's permissions alone.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

# The second is more than needed, but containers often keep it where they drop the first.
LENDABLE = ("dac_read_search", "dac_override")


class CannotDropRoot(RuntimeError):
    """Root started us, and there is no way to start PostgreSQL as anybody else."""


def server_owner() -> tuple[int, int] | None:
    """(uid, gid) of the user the database runs as, or None for whoever runs us."""
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def dropping_root(program: Path, folder: Path) -> list[str]:
    """Arguments for `setpriv` with which `program` runs as the server's owner and reaches `folder`; [] unless root."""
    owner = server_owner()
    if owner is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise CannotDropRoot(
            "PostgreSQL does not run as root, and `setpriv` (util-linux) is missing to run it as nobody."
        )
    plain = [f"--reuid={owner[0]}", f"--regid={owner[1]}", "--clear-groups"]
    lent = [
        [
            *plain,
            "--securebits=+no_setuid_fixup",
            f"--inh-caps=+{capability}",
            f"--ambient-caps=+{capability}",
        ]
        for capability in LENDABLE
    ]
    for arguments in (plain, *lent):
        if _reaches(setpriv, arguments, program, folder):
            return arguments
    raise CannotDropRoot(
        f"PostgreSQL does not run as root, and the user nobody can reach {program} or {folder} by no means allowed "
        "here. Run as an ordinary user, move the code to a folder that everybody may enter, or set DATABASE_URL."
    )


def _reaches(setpriv: str, arguments: Sequence[str], program: Path, folder: Path) -> bool:
    """Whether the shell, so started, may execute `program` and write to `folder`.

    Asking the program itself would not do: setpriv still has root's rights at the moment it executes.
    """
    probe = ["/bin/sh", "-c", 'test -x "$1" && test -w "$2"', "sh", str(program), str(folder)]
    return (
        subprocess.run(
            [setpriv, *arguments, "--", *probe], cwd="/", capture_output=True, check=False
        ).returncode
        == 0
    )
