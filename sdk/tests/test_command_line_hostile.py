"""Whatever a delivery folder holds and whatever a code base holds: an answer or an error, never a traceback."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usersplit_sdk.cli import main

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)
PREDICATES = st.fixed_dictionaries(
    {
        "filter": st.sampled_from(["country_id", "platform", "x\n"]),
        "source": st.sampled_from(["user", "environment"]),
        "operator": st.sampled_from(["eq", "in", "version_gte", "is_not_set", "odd"]),
        "value": st.sampled_from([1, "1.10", [50], None, {}]) | ANYTHING,
    }
)
NAMES = st.text(min_size=1, max_size=6)
DOCUMENTS = st.fixed_dictionaries(
    {
        "format": st.just(1),
        "kind": st.sampled_from(["test", "test", "group"]),
        "key": st.just("green_button"),
        "status": st.sampled_from(["dev", "running", "paused", "finished"]),
        "side": st.sampled_from(["server", "client"]),
        "settings_group": st.just(1),
        "conditions": st.lists(PREDICATES, max_size=1) | ANYTHING,
        "variants": st.lists(NAMES, max_size=3, unique=True).map(
            lambda names: [{"name": name, "split_groups": [[n, n]]} for n, name in enumerate(names, start=1)]
        )
        | ANYTHING,
    },
    optional={
        "outcome": ANYTHING,
        "starts_at": st.sampled_from(["2026-01-01", "9999-12-31T23:59:59+00:00", "soon"]) | ANYTHING,
        "tokens": st.dictionaries(NAMES, st.just({}), max_size=2) | ANYTHING,
        "forced": ANYTHING,
    },
)
VALUES = st.text(max_size=12) | st.sampled_from(
    ["50", "1.10", "null", "[", "NaN", "1e999", "9" * 5000, "\udcff"]
)
CALM = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def deliver(folder: Path, document: Any) -> None:
    body = json.dumps(document).encode()
    files = {}
    for kind in ("tests", "groups"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / "green_button.json").write_bytes(body)
        files[f"{kind}/green_button.json"] = hashlib.sha256(body).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "version": 1, "files": files}))


def run(*arguments: object) -> int:
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        return int(stopped.code or 0)


@CALM
@given(DOCUMENTS | ANYTHING, st.lists(VALUES, max_size=3), VALUES, st.booleans())
def test_any_test_file_is_answered_for(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    document: Any,
    attributes: list[str],
    identity: str,
    as_json: bool,
) -> None:
    deliver(tmp_path / "delivery", document)
    flags = ["--json"] if as_json else []
    given_values = [f"--attribute=country_id={value}" for value in attributes]
    given_values += [f"--request=platform={value}" for value in attributes]
    assert run("show", tmp_path / "delivery", *flags) == 0
    assert run("lint", tmp_path / "delivery") in (0, 1)
    assert run("check", tmp_path / "delivery", f"--user={identity}", *given_values, *flags) in (0, 2)
    assert run("check", tmp_path / "delivery", "green_button", identity, f"--now={identity}") in (0, 2)
    assert run("codegen", tmp_path / "delivery", "--output", tmp_path / "names.py", "--force") in (0, 1)
    printed = capsys.readouterr()
    assert all(line.isprintable() for line in printed.out.split("\n") + printed.err.split("\n"))


@CALM
@given(DOCUMENTS, st.binary(max_size=200), st.binary(min_size=1, max_size=20), VALUES)
def test_any_code_is_searched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], document: Any, body: bytes, name: bytes, pattern: str
) -> None:
    deliver(tmp_path / "delivery", document)
    code = tmp_path / "code"
    code.mkdir(exist_ok=True)
    safe = name.translate(bytes.maketrans(b"\0/", b"__"))
    path = code / os.fsdecode(safe if safe not in (b".", b"..") else b"_")
    path.write_bytes(body + b'"green_button"')
    try:
        assert run("scan", code, "--source", tmp_path / "delivery", "--words") in (0, 1)
        assert run("scan", code, "--source", tmp_path / "delivery", "--json", f"--exclude={pattern}") in (
            0,
            1,
            2,
        )
    finally:
        path.unlink()
    capsys.readouterr()


EVIL = "\x1b]0;owned\x07\x1b[2J\r\n\u202e'; DROP TABLE users; --<script>alert(1)</script>"


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "FOLDER", f"--user={EVIL}", f"--device={EVIL}", "--tree"],
        ["check", "FOLDER", f"--user={EVIL}", f"--device={EVIL}", "--json"],
        ["check", "FOLDER", EVIL, f"--environment={EVIL}", f"--supports={EVIL}"],
        ["check", "FOLDER", f"--attribute={EVIL}={EVIL}", f"--request={EVIL}={EVIL}"],
        ["check", "FOLDER", f"--now={EVIL}"],
        ["check", "FOLDER", f"--attribute={EVIL}", f"--split-group={EVIL}"],
        ["check", "FOLDER", f"--{EVIL}"],
        ["check", f"FOLDER/{EVIL}"],
        ["check", f"--url=http://127.0.0.1:1/{EVIL}"],
        ["check", "--url=http://127.0.0.1:1/", f"--token-file={EVIL}"],
        ["show", "FOLDER", EVIL],
        ["lint", f"FOLDER/{EVIL}"],
        ["codegen", "FOLDER", f"--output=FOLDER/{EVIL}"],
        [EVIL],
    ],
)
def test_what_somebody_pasted_into_a_call_cannot_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    deliver(
        tmp_path,
        {
            "format": 1, "kind": "test", "key": "green_button", "status": "running", "side": "client",
            "settings_group": 1, "conditions": [{"filter": EVIL, "source": "user", "operator": "eq", "value": EVIL}],
            "variants": [{"name": EVIL, "split_groups": [[1, 2400]]}],
            "forced": [{"variant": EVIL, "user_id": EVIL, "environment": "production"}],
        },
    )  # fmt: skip
    run(*(argument.replace("FOLDER", str(tmp_path)) for argument in arguments))
    printed = capsys.readouterr()
    assert printed.out + printed.err
    assert all(line.isprintable() for line in (printed.out + printed.err).split("\n"))
