"""`run`: the whole product as one process tree."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType

from usersplit.embedded.layout import Layout
from usersplit.embedded.processes import Child, StartFailed, say
from usersplit.embedded.product import Beat, StaticFiles, Web, end, logins_file, manage, workers
from usersplit.embedded.servers import connected, missing_servers, owned, remove_sockets
from usersplit.embedded.supervisor import Supervisor

PR_SET_PDEATHSIG = 1
CHECK_EVERY = 0.2


@dataclass(frozen=True)
class Options:
    """What `run` is asked for: from the environment, as everything else that differs between installations."""

    host: str
    port: int
    demo: bool

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Options:
        port = environment.get("PORT") or "8000"
        if not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise StartFailed(f"PORT must be a number from 1 to 65535, not {port!r}.")
        demo = (environment.get("DEMO") or "1").strip().lower() not in {"0", "no", "false", "off"}
        return cls(environment.get("HOST") or "127.0.0.1", int(port), demo)

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - the "any" addresses
        return f"http://{host}:{self.port}"


class Stopping:
    """Set by the first signal that asks us to end; the second one is in a hurry."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._signals = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._event.set()

    def asked(self) -> bool:
        return self._event.is_set()

    def hurried(self) -> bool:
        return self._signals > 1

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


class Stopped(Exception):
    """Somebody pressed Ctrl-C during the start."""


def run(var: str | None, *, with_parent: bool = False) -> int:
    """Start everything, say where it is, keep it alive until asked to end; returns the exit code."""
    if with_parent and sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    stopping = Stopping()
    layout = Layout.of(var)
    options = Options.read(os.environ)
    supervisor = Supervisor()
    with ExitStack() as stack:
        was_killed = stack.enter_context(owned(layout))
        wait_for_port(options, patience=15.0 if was_killed else 0.0)
        stack.callback(remove_sockets, layout)
        stack.callback(stop, supervisor, stopping)
        try:
            start(layout, options, supervisor, stopping)
        except Stopped:
            return 0
        while not stopping.wait(CHECK_EVERY):
            supervisor.check()
    return 0


def start(layout: Layout, options: Options, supervisor: Supervisor, stopping: Stopping) -> None:
    """Servers, then the commands that prepare the product, then its processes, then the block for the reader."""
    say(f"starting in {layout.var}")
    environment = {**connected(layout), "PYTHONUNBUFFERED": "1", "PUBLIC_URL": options.url}
    servers = missing_servers(layout)
    bring_up(servers, supervisor, stopping)
    prepare(layout, options, environment, stopping)
    web = Web(environment, options.host, options.port)
    # In this order they are started, in the opposite one stopped: no new work first, the page to look at last.
    for process in (web, *workers(environment), Beat(environment, layout)):
        process.start()
        supervisor.add([process])
        if process is web:
            wait_for_health(web, supervisor, stopping)
    supervisor.was_up = True
    announce(layout, options)


def wait_for_health(web: Web, supervisor: Supervisor, stopping: Stopping) -> None:
    """Alone on the processors the web server is up soonest; the worker's start may then overlap with the first visit."""
    deadline = time.monotonic() + web.patience
    while not web.is_ready():
        if stopping.wait(CHECK_EVERY / 4):
            raise Stopped
        supervisor.check()
        if time.monotonic() > deadline:
            raise StartFailed(f"The web server on {web.host}:{web.port} does not answer /healthz.")


def bring_up(servers: list[Child], supervisor: Supervisor, stopping: Stopping) -> None:
    """Start the servers together and wait for both."""
    supervisor.add(servers)
    for server in servers:
        server.start()
    for server in servers:
        server.wait_until_ready(lambda: not stopping.asked())
    if stopping.asked():
        raise Stopped


def prepare(layout: Layout, options: Options, environment: Mapping[str, str], stopping: Stopping) -> None:
    """Migrate and load what the first visitor finds; collect static files, which need no database, meanwhile."""
    static = StaticFiles(layout)
    wanted = {"prepare": [] if options.demo else ["--empty"]}
    if not static.are_current():
        wanted["collectstatic"] = ["--noinput", "--clear", "--verbosity", "0"]
    running = {name: manage(environment, name, *arguments) for name, arguments in wanted.items()}
    try:
        while any(process.poll() is None for process in running.values()):
            if stopping.wait(CHECK_EVERY / 10):
                raise Stopped
        for name, process in running.items():
            if process.returncode:
                raise StartFailed(f"manage.py {name} ended with {process.returncode}.")
    finally:
        for process in running.values():
            end(process)
    static.remember()


def wait_for_port(options: Options, patience: float) -> None:
    """Refuse a port that is taken, giving the web server of a killed predecessor a moment to leave it."""
    deadline = time.monotonic() + patience
    family, kind, protocol, _, address = socket.getaddrinfo(
        options.host, options.port, type=socket.SOCK_STREAM
    )[0]
    while True:
        with socket.socket(family, kind, protocol) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(address)
            except OSError as error:
                if time.monotonic() > deadline:
                    message = f"{options.host}:{options.port} cannot be used ({error.strerror}); try `make run PORT=8001`."
                    raise StartFailed(message) from error
            else:
                return
        time.sleep(0.1)


def announce(layout: Layout, options: Options) -> None:
    """The one block that a person reads: where it is and who can sign in."""
    path = logins_file(layout, demo=options.demo)
    lines = [f"UserSplit runs at {options.url}"]
    if path.exists():
        known = json.loads(path.read_text())
        if known.get("url") != options.url:
            known["url"] = options.url
            write_private(layout, path.name, json.dumps(known, indent=2) + "\n")
        logins: dict[str, dict[str, str]] = known.get("logins", {})
        widest = max((len(login["username"]) for login in logins.values()), default=0)
        lines += [
            "",
            *(
                f"  {role:<10}  {login['username']:<{widest}}  {login['password']}"
                for role, login in logins.items()
            ),
        ]
        lines += ["", f"The same for programs: {path}"]
    lines += [
        f"Logs of the database and the broker: {layout.logs}",
        "Ctrl-C ends it; `make run` continues where it was.",
    ]
    rule = "─" * max(len(line) for line in lines)
    print("\n".join(["", rule, *lines, rule, ""]), flush=True)


def write_private(layout: Layout, name: str, text: str) -> None:
    """Replace a file that holds passwords in one step, readable by its owner only."""
    new = layout.var / f".{name}.new"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(layout.var / name)


def stop(supervisor: Supervisor, stopping: Stopping) -> None:
    """Beat and worker first, then web, broker, database; a second signal skips being polite, not the database."""
    say("stopping")
    supervisor.stop(stopping.hurried)
    say("stopped")
