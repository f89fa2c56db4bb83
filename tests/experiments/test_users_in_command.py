"""`manage.py users_in`: files that hold what was counted, cursors, closed pipes, SQL."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from django.core.management import CommandError, call_command

from accounts.actors import Actor
from audience.dialects import DIALECTS
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.members import users_in
from experiments.models import Experiment, Kind
from tests.factories import make_draft, make_experiment
from tests.workers import ROOT, process_environment

AGE: list[Any] = [{"filter": "age", "operator": "gte", "value": 25}]


@pytest.fixture
def experiment(manager: Actor, warehouse: Warehouse) -> Experiment:
    return make_experiment(manager, Status.RUNNING, key="button", conditions=AGE)


def run(*arguments: str) -> tuple[str, str]:
    """What it prints and what it tells."""
    out, told = io.StringIO(), io.StringIO()
    call_command("users_in", *arguments, stdout=out, stderr=told)
    return out.getvalue(), told.getvalue()


def test_csv_holds_every_user_with_split_group_and_variant(experiment: Experiment) -> None:
    printed, told = run("button")
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert rows == [
        {"id": member.id, "split_group": str(member.split_group), "variant": member.variant}
        for member in users_in(experiment)
    ]
    assert told == f"{len(rows):,} users.\n"


def test_lines_of_json_and_one_variant(experiment: Experiment) -> None:
    printed, _ = run("button", "--variant", "green", "--format", "jsonl")
    rows = [json.loads(line) for line in printed.splitlines()]
    assert rows == [
        {"id": member.id, "split_group": member.split_group, "variant": "green"}
        for member in users_in(experiment, "green")
    ]


def test_a_parquet_file_keeps_the_order(experiment: Experiment, tmp_path: Path) -> None:
    run("button", "--format", "parquet", "--output", str(tmp_path / "users.parquet"))
    found = duckdb.read_parquet(str(tmp_path / "users.parquet")).select("id", "split_group", "variant")
    assert found.fetchall() == [
        (member.id, member.split_group, member.variant) for member in users_in(experiment)
    ]
    assert [path.name for path in tmp_path.glob("*users*")] == ["users.parquet"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_user_group_has_no_variants(
    manager: Actor, warehouse: Warehouse, tmp_path: Path, form: str
) -> None:
    make_experiment(manager, kind=Kind.GROUP, key="grown_up", conditions=AGE)
    output = tmp_path / f"users.{form}"
    run("grown_up", "--format", form, "--output", str(output))
    read = {"csv": duckdb.read_csv, "jsonl": duckdb.read_json, "parquet": duckdb.read_parquet}[form]
    assert read(str(output)).columns == ["id", "split_group"]


def test_cursors_lead_through_all_of_it(experiment: Experiment) -> None:
    whole, _ = run("button", "--format", "jsonl")
    walked, cursor = "", None
    while True:
        more = ("--after", cursor) if cursor else ()
        printed, told = run("button", "--format", "jsonl", "--limit", "617", *more)
        walked += printed
        found = re.search(r"--after (\S+)", told)
        if found is None:
            break
        cursor = found[1]
    assert walked == whole


def test_a_reader_who_has_enough_ends_it_quietly(transactional_db: None, experiment: Experiment) -> None:
    command = [sys.executable, "manage.py", "users_in", "button", "--among", "conditions"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=process_environment() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"id,split_group,variant\r\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.parametrize("dialect", [*DIALECTS, "postgresql"])
def test_the_statement_in_every_dialect(experiment: Experiment, dialect: str) -> None:
    printed, _ = run("button", "--variant", "green", "--sql", dialect)
    name = {"postgresql": "postgres"}.get(dialect, dialect)
    (statement,) = sqlglot.parse(printed, dialect=name)
    assert statement is not None
    assert {column.name for column in statement.find_all(sqlglot.exp.Column)} == {"id", "split_group", "age"}


def test_the_statement_selects_whom_a_walk_walks(experiment: Experiment, warehouse: Any) -> None:
    whole = list(users_in(experiment, "green"))
    cursor = users_in(experiment, "green").cursor_after(whole[200])
    printed, _ = run("button", "--variant", "green", "--after", cursor, "--sql", "duckdb")
    with warehouse.store.reading() as (_, connection):
        found = connection.execute("USE store; " + printed).fetchall()
    assert found == [(member.id, member.split_group) for member in whole[201:]]


def test_upper_bounds_are_told(manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(
        manager, key="button", conditions=[{"filter": "user_agent", "operator": "contains", "value": "Bot"}]
    )
    assert run("button", "--limit", "1")[1].startswith(
        "Not counted: user_agent; so these are upper bounds.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "no test or user group “nothing”"),
        (["button", "--group"], "no user group “button”"),
        (["idea"], "no prepared settings"),
        (["button", "--variant", "blue"], "--variant: .* control, green"),
        (["button", "--after", "made-up"], "--after: Is not a cursor"),
        (["button", "--limit", "0"], "--limit"),
        (
            ["button", "--format", "parquet", "--output", "/nowhere/at/all.parquet"],
            "--output: could not be written",
        ),
        (["button", "--output", "/nowhere/at/all.csv"], "--output: could not be written"),
        (["button", "--sql", "cobol"], "invalid choice"),
    ],
)
def test_what_cannot_be_done_is_said(
    experiment: Experiment, manager: Actor, arguments: list[str], words: str
) -> None:
    make_draft(manager, "idea")
    with pytest.raises(CommandError, match=words):
        run(*arguments)
