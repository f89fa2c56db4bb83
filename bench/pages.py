"""Every page of the console with a thousand tests, two hundred of them running: its time, its queries, its size.

In a process of its own with a database that is gone afterwards. Measured is what the server does from request to answer, without
the network; queries are counted with a few tests as well, because their number must not grow with the tests. What is asked is
held against what this process and the database's own process computed: waiting for whatever else a machine does is not in it.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bench.measuring import Figure, figures

if TYPE_CHECKING:
    from django.test import Client

    from bench.pages_ground import Size

ROUNDS: Final = 30
LIST: Final = "console:test_list"
# More addresses of one view, where what is asked for makes a difference.
MORE: Final[Mapping[str, tuple[str, ...]]] = {
    LIST: ("?status=running", "?q=number+7&sort=-hits", "?attention=any"),
    "console:search": ("?q=number+7",),
    "qa_tools:user_check": ("?user_id=4711",),
}
# What stands for the parts of addresses; those with other parts are left out, and named.
PARTS: Final[Mapping[str, str | int]] = {
    "number": 1,
    "verb": "pause",
    "name": "age",
    "page": "test-list",
    "provider": "slack",
}
KINDS: Final = ("tests", "groups")
_PART: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_NAMED_GROUP: Final = re.compile(r"\(\?P(<\w+>)[^()]*\)")
_NO_PAGES: Final = ("api", "ofrep", "log", "healthz", "readyz", "metrics")


class Answer(NamedTuple):
    """Its HTTP status, its bytes, and whether it is a file to keep."""

    status: int
    size: int
    is_file: bool


class Times(NamedTuple):
    """Milliseconds from request to answer, and of them computed by this process and by the database's."""

    taken: float
    own: float
    database: float


@dataclass(frozen=True, slots=True)
class Page:
    """One address. `few` and `many` are queries with few and with many tests; `size` is bytes.

    Times are milliseconds: `median` and `p95` from request to answer, of which this process computed `own` and the database's
    `database` (medians); `computed` is both at p95. The rest is waiting for whatever else the machine does.
    """

    address: str
    few: int
    many: int
    median: float
    p95: float
    own: float
    database: float
    computed: float
    size: int
    is_file: bool


def run() -> str:
    """The table and the figures, as text."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "WAREHOUSE_URL": f"duckdb://{folder}/warehouse",
            "DELIVERY_DIR": f"{folder}/delivery",
            "DJANGO_SETTINGS_MODULE": "usersplit.settings",
            "LOG_LEVEL": "ERROR",
        }
        inside = [sys.executable, "-m", "bench.pages", folder]
        command = [sys.executable, "-m", "usersplit.embedded", "exec", "--", *inside]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        measured = json.loads((Path(folder) / "measured.json").read_text())
    return report([Page(**page) for page in measured["pages"]], measured["left_out"], measured["tests"])


def report(pages: Iterable[Page], left_out: Iterable[str], tests: int) -> str:
    """Slowest first. Files are shown, but what is asked of pages is not asked of them: they have every row."""
    rows = sorted(pages, key=lambda page: -(page.own + page.database))
    shown = [page for page in rows if not page.is_file]
    listed = next(page for page in rows if page.address == "/tests/")
    growing = [page for page in shown if page.many > page.few]
    asked = [
        Figure(
            f"the test list with {tests:,} tests, computed, median", listed.own + listed.database, 100, "ms"
        ),
        Figure("the slowest page, computed, p95", max(page.computed for page in shown), 150, "ms"),
        Figure("pages whose queries grow with the tests", float(len(growing)), 0, "pages"),
    ]
    lines = [
        f"  {'address':<52} {'own ms':>8} {'database':>8} {'p95':>6} | {'median':>7} {'p95':>7} | {'queries':>7} {'few':>4} {'kB':>6}",
        *(
            f"  {page.address:<52} {page.own:>8.1f} {page.database:>8.1f} {page.computed:>6.1f} | {page.median:>7.1f} {page.p95:>7.1f}"
            f" | {page.many:>7} {page.few:>4} {page.size / 1000:>6.1f}"
            for page in rows
        ),
        "  computed by this process and by the database, both at p95 | on the clock | queries, with few tests, size",
    ]
    title = f"Every page of the console, {tests:,} tests"
    return "\n".join([title, *lines, figures(asked), f"  left out: {', '.join(left_out) or 'none'}"])


def measure(
    few: Size, many: Size, rounds: int = ROUNDS, *, cards: bool = True
) -> tuple[list[Page], list[str]]:
    """Each page with so many tests (which are written here), and the addresses that are left out.

    Without rounds nothing is timed; without cards only pages are looked at that stand for themselves.
    """
    from django.test import Client  # noqa: PLC0415 - after django.setup()

    from bench.pages_ground import make_ground  # noqa: PLC0415

    counts: dict[str, int] = {}
    # A page that fails is named, and the others are measured.
    client = Client(raise_request_exception=False)
    client.force_login(make_ground(few, "few_"))
    names, left_out = _addresses(client, _parts("few_"), cards=cards)
    for address in names:
        counts[address] = _queries(client, address)
    client.force_login(make_ground(many, "many_"))
    pages = []
    twins = dict(zip(_parts("few_").values(), _parts("many_").values(), strict=True))
    for address in names:
        there = "/".join(twins.get(part, part) for part in address.split("/"))
        # The first answer fills caches of the process and is not what people wait for day by day.
        first, queries = _get(client, there), _queries(client, there)
        rows = [_timed(client, there) for _ in range(rounds)] or [Times(0, 0, 0)]
        pages.append(
            Page(
                address,
                counts[address],
                queries,
                statistics.median(row.taken for row in rows),
                _p95(row.taken for row in rows),
                statistics.median(row.own for row in rows),
                statistics.median(row.database for row in rows),
                _p95(row.own + row.database for row in rows),
                first.size,
                first.is_file,
            )
        )
    return pages, left_out


def _parts(prefix: str) -> dict[str, str]:
    """What a ground's own parts of addresses are: two running tests, a user group and a person."""
    from accounts.models import User  # noqa: PLC0415
    from experiments.models import Experiment  # noqa: PLC0415

    running = Experiment.objects.filter(status="running", key__startswith=prefix).order_by("pk")
    key, other = running.filter(kind="test").values_list("key", flat=True)[:2]
    group = running.filter(kind="group").values_list("key", flat=True)[0]
    person = User.objects.filter(username__startswith=f"{prefix}manager").order_by("pk")[0]
    return {"key": key, "other": other, "group": group, "person_id": str(person.pk)}


def _addresses(client: Client, ground: Mapping[str, str], *, cards: bool) -> tuple[list[str], list[str]]:
    """Those of the console that answer a GET with a page, and the patterns of those that cannot be made up."""
    from django.urls import get_resolver  # noqa: PLC0415

    found, left_out = [], []
    for name, pattern in _patterns(get_resolver().url_patterns):
        if pattern.count("/") > 2 and not cards:
            continue
        parts = _PART.findall(pattern)
        if not {*PARTS, *ground, "kind"} >= set(parts):
            left_out.append(f"/{pattern}")
            continue
        for kind in KINDS if "kind" in parts else [pattern.split("/")[0]]:
            subject = {"key": ground["group"]} if kind == "groups" else {}
            given = {**PARTS, **ground, **subject, "kind": kind}
            address = "/" + _PART.sub(lambda part, given=given: str(given[part[1]]), pattern)  # type: ignore[misc]
            for query in ("", *MORE.get(name, ())):
                status = _get(client, address + query).status
                if status == HTTPStatus.OK:
                    found.append(address + query)
                elif status not in {HTTPStatus.FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
                    left_out.append(f"{address} ({status})")
    return list(dict.fromkeys(found)), left_out


def _patterns(entries: list[Any], path: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """Name and pattern of each address of the console, but for the way in and out."""
    for entry in entries:
        here = path + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from _patterns(entry.url_patterns, here, entry.namespace or space)
        elif entry.name and not here.lstrip("^(?:").startswith(_NO_PAGES):
            yield f"{space}:{entry.name}", _NAMED_GROUP.sub(r"\1", here).strip("^$")


def _get(client: Client, address: str) -> Answer:
    """The answer, its content read. What lies below a test's page is a card, which htmx asks for."""
    answer = client.get(address, headers={"HX-Request": "true"} if address.count("/") > 3 else None)
    size = sum(map(len, answer)) if answer.streaming else len(answer.content)
    return Answer(answer.status_code, size, answer.has_header("Content-Disposition"))


def _timed(client: Client, address: str) -> Times:
    from django.db import connection  # noqa: PLC0415

    connection.ensure_connection()
    database = _computed_by(connection.connection.info.backend_pid)
    started, computed = time.perf_counter(), time.process_time()
    _get(client, address)
    taken, own = time.perf_counter() - started, time.process_time() - computed
    return Times(
        1_000 * taken, 1_000 * own, 1_000 * (_computed_by(connection.connection.info.backend_pid) - database)
    )


def _computed_by(process: int) -> float:
    """Seconds that another process of this machine has computed, from Linux's clock for that: its number is made of the process's,
    as the kernel's `MAKE_PROCESS_CPUCLOCK` does, with 2 for the scheduler's count."""
    return time.clock_gettime((~process << 3) | 2)


def _p95(values: Iterable[float]) -> float:
    rows = sorted(values)
    return rows[min(len(rows) - 1, round(0.95 * len(rows)))]


def _queries(client: Client, address: str) -> int:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    with CaptureQueriesContext(connection) as queries:
        _get(client, address)
    return len(queries)


def _main(folder: str) -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    from bench.pages_ground import Size  # noqa: PLC0415
    from usersplit import wsgi  # noqa: F401, PLC0415 - loaded and set up as the web server does it

    settings.ALLOWED_HOSTS = ["testserver"]
    # Pages name static files by their own names: hashed ones would have to be collected first.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    call_command("migrate", verbosity=0)
    few, many = Size(4, 1, 1, 1, 3, 2), Size()
    pages, left_out = measure(few, many)
    measured = {
        "pages": [asdict(page) for page in pages],
        "left_out": left_out,
        "tests": few.tests + many.tests,
    }
    (Path(folder) / "measured.json").write_text(json.dumps(measured))


if __name__ == "__main__":
    _main(sys.argv[1])
