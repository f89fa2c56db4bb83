"""Schemathesis against the running server: whatever it sends, no crash, and nothing that the schema does not tell.

For as long as FUZZ_SECONDS says (`make fuzz`: ten minutes).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.services import force_user, switch_tests_off
from tests.conftest import People
from tests.factories import TWO_VARIANTS, make_experiment
from tests.usersplit.web_process import web_server

# CI draws the same requests every time, in as many seconds as it has for them; a longer run draws new ones.
LONG_RUN = os.environ.get("FUZZ_SECONDS")
SECONDS = int(LONG_RUN or "40")
# A server that hangs ends the run, whatever it was doing.
PATIENCE = 3 * SECONDS + 60
UNLIMITED = dict.fromkeys(("API_READS_A_MINUTE", "API_WRITES_A_MINUTE", "API_BULK_A_MINUTE"), "100000000")
UNLIMITED["REFUSED_TOKENS_A_MINUTE"] = "100000000"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,ignored_auth,unsupported_method,allow_header_conformance,missing_required_header"

# Most requests ask about what is there; the others draw whatever fits, and what does not.
CONFIG = """
[parameters]
"path.key" = { dictionary = "keys", probability = 0.8 }
"path.number" = { dictionary = "numbers", probability = 0.8 }
"path.forced_id" = { dictionary = "numbers", probability = 0.8 }
"path.off_id" = { dictionary = "numbers", probability = 0.8 }
"path.path" = { dictionary = "paths", probability = 0.8 }
"query.wait" = { dictionary = "waits", probability = 0.8 }

[dictionaries.keys]
values = [
  "test_draft", "test_dev", "test_running", "test_paused", "test_finished",
  "group_draft", "group_dev", "group_running", "group_paused", "group_finished",
]

[dictionaries.numbers]
values = [1, 2, 3]

[dictionaries.paths]
values = ["tests/test_running.json", "groups/group_running.json"]

[dictionaries.waits]
values = [0, 1]
"""


@pytest.fixture
def root(transactional_db: None, people: People) -> Actor:
    """May do everything, so that requests get as far as they can."""
    return Actor.person(people.superuser)


@pytest.fixture
def server(root: Actor, warehouse: Warehouse, tmp_path: Path) -> Iterator[str]:
    """With a test and a user group in each status."""
    for status in Status:
        test = make_experiment(root, status, key=f"test_{status}", variants=TWO_VARIANTS)
        make_experiment(root, status, kind="group", key=f"group_{status}")
        if status in {Status.DEV, Status.RUNNING, Status.PAUSED}:
            force_user(root, test, "green", "production", user_id="4711")
    switch_tests_off(root, device_id="a-b-c")
    with web_server(tmp_path / "web.log", UNLIMITED) as url:
        yield url


def test_no_crash_and_nothing_undocumented(server: str, root: Actor, tmp_path: Path) -> None:
    token = create_token(root, "fuzz", list(Scope.values))[1]
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    command = [str(Path(sys.executable).parent / "st"), "--config-file", str(config), "--no-color"]
    # One thread: in CPython 3.11 two that parse source at a time, as Hypothesis does for its messages, break each other.
    command += ["run", f"{server}/api/v1/schema/", "--max-time", str(SECONDS), "--workers", "1"]
    command += [
        "--header",
        f"Authorization: Bearer {token}",
        "--header",
        "Accept: application/json, */*;q=0.1",
    ]
    command += ["--checks", CHECKS, "--continue-on-failure", "--request-timeout", "30"]
    command += ["--suppress-health-check", "all", "--warnings", "off", "--no-shrink"]
    command += [] if LONG_RUN else ["--seed", "5"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    print(ran.stdout[-3_000:])
    log = (tmp_path / "web.log").read_text()
    assert ran.returncode == 0, f"{ran.stdout[-40_000:]}\n{ran.stderr[-5_000:]}\n{log[-10_000:]}"
