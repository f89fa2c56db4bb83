"""With every question for the manifest a client says who asks and which version runs there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import usersplit_sdk

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer, Followed

    Follow = Callable[..., Followed]

Reports = list[tuple[str | None, str | None, str | None]]


@pytest.fixture
def reports(server: DeliveryServer) -> Reports:
    """Instance, version and SDK of each question for the manifest; none of those for files."""
    found: Reports = []
    serve = server.serve

    def watch(request: Any) -> None:
        says = tuple(request.headers.get(f"UserSplit-{name}") for name in ("Instance", "Version", "SDK"))
        if request.path.endswith("manifest"):
            found.append(says)
        else:
            assert says == (None, None, None)
        serve(request)

    server.serve = watch  # type: ignore[method-assign]
    return found


def test_a_new_version_is_told_at_once_and_with_every_look(
    server: DeliveryServer, follow: Follow, reports: Reports
) -> None:
    server.publish(7, server.document())
    followed = follow()
    assert [version for _, version, _ in reports] == ["0", "7"]
    server.publish(8, server.document(variant="v2"))
    followed.store.refresh()
    followed.store.refresh()
    assert [version for _, version, _ in reports] == ["0", "7", "7", "8", "8"]
    ((instance, sdk),) = {(instance, sdk) for instance, _, sdk in reports}
    assert sdk == usersplit_sdk.__version__
    assert instance is not None
    assert re.fullmatch(rf"[A-Za-z0-9._-]{{1,64}}:{os.getpid()}:[0-9a-f]{{8}}", instance)


def test_what_comes_with_the_second_answer_is_taken_at_the_next_look(
    server: DeliveryServer, follow: Follow, reports: Reports
) -> None:
    server.publish(1, server.document())
    followed = follow()
    server.publish(2, server.document(variant="v2"))
    asked = len(reports)
    serve = server.serve

    def publish_meanwhile(request: Any) -> None:
        if request.path.endswith("manifest") and len(reports) == asked + 1:
            server.publish(3, server.document(variant="v3"))
        serve(request)

    server.serve = publish_meanwhile  # type: ignore[method-assign]
    followed.store.refresh()
    assert followed.variant() == "v2"
    followed.store.refresh()
    assert followed.variant() == "v3"
    assert [version for _, version, _ in reports][-1] == "3"


def test_a_version_of_which_a_file_is_missing_does_not_run_here_yet(
    server: DeliveryServer, follow: Follow, reports: Reports
) -> None:
    server.publish(1, server.document())
    followed = follow()
    server.publish(2, server.document(variant="v2"))
    body = server.files.pop("tests/green_button.json")
    followed.store.refresh()
    assert followed.store.status.version == 2
    assert {version for _, version, _ in reports} == {"0", "1"}
    server.files["tests/green_button.json"] = body
    followed.store.refresh()
    assert reports[-1][1] == "2"


def test_a_server_that_fails_the_second_question_harms_nothing(
    server: DeliveryServer, follow: Follow, reports: Reports
) -> None:
    server.publish(1, server.document())
    serve = server.serve

    def answer_once(request: Any) -> None:
        if len(reports) == 1:
            reports.append((None, None, None))
            return server.reply(request, 500, b"{}")
        return serve(request)

    server.serve = answer_once  # type: ignore[method-assign]
    followed = follow()
    assert (followed.variant(), followed.errors()) == ("v1", "")


def test_a_client_that_starts_from_its_copy_says_so(
    server: DeliveryServer, follow: Follow, reports: Reports, tmp_path: Path
) -> None:
    server.publish(5, server.document())
    follow(cache_dir=tmp_path)
    reports.clear()
    follow(cache_dir=tmp_path)
    assert [version for _, version, _ in reports] == ["5"]


FORKED = """
import json, os, sys
from usersplit_sdk.origin import Origin
from usersplit_sdk.remote import Remote

remote = Remote(Origin("http://127.0.0.1:1", "t", 1.0))
names = [remote._instance(), remote._instance()]
reading, writing = os.pipe()
if os.fork() == 0:
    os.write(writing, remote._instance().encode())
    os._exit(0)
os.wait()
print(json.dumps([*names, os.read(reading, 1000).decode()]))
"""


def test_a_forked_child_is_another_instance() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    parent, again, child = json.loads(done.stdout)
    assert parent == again != child
