"""Where an installation keeps its embedded parts, and the addresses they answer on."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent.parent
DATABASE = "usersplit"


@dataclass(frozen=True)
class Layout:
    """The files of one installation under `var`, an absolute path.

    Both addresses follow from `var` alone, so that any `manage.py` command finds the running servers.
    """

    var: Path

    @classmethod
    def of(cls, var: str | Path | None = None) -> Layout:
        """The layout under `var`, else under `$VAR_DIR`, else under `var/` beside the code."""
        return cls(Path(var or os.environ.get("VAR_DIR") or ROOT / "var").resolve())

    @property
    def database(self) -> Path:
        return self.var / "postgres"

    @property
    def broker(self) -> Path:
        return self.var / "redis"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def lock(self) -> Path:
        return self.var / "embedded.lock"

    @property
    def sockets(self) -> Path:
        """Short, whatever the length of `var`: the kernel refuses socket paths of 108 bytes and more.

        Under /tmp by name, not under $TMPDIR or $XDG_RUNTIME_DIR, which differ between a shell and a cron job.
        """
        key = hashlib.sha256(os.fsencode(self.var)).hexdigest()[:12]
        return Path("/tmp") / f"usersplit-{os.getuid()}-{key}"  # noqa: S108 - its owner is checked before use

    @property
    def database_sockets(self) -> Path:
        return self.sockets / "postgres"

    @property
    def broker_socket(self) -> Path:
        return self.sockets / "redis.sock"

    @property
    def database_url(self) -> str:
        return f"postgresql://{DATABASE}@/{DATABASE}?host={quote(str(self.database_sockets), safe='')}"

    @property
    def broker_url(self) -> str:
        return f"redis+socket://{self.broker_socket}"

    def make_folders(self) -> None:
        """Create `var` and the folder of the sockets; refuse one that somebody else put there first."""
        self.var.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        # As root the database runs as another user, who must pass through but need not list.
        mode = 0o711 if os.getuid() == 0 else 0o700
        try:
            self.sockets.mkdir(mode=mode)
        except FileExistsError:
            found = self.sockets.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                raise PermissionError(f"{self.sockets} belongs to somebody else; remove it.") from None
        self.sockets.chmod(mode)
