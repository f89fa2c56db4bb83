"""When a new version is published, and what is in it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from core import clock
from delivery.models import DeliveredFile, Manifest
from delivery.services import deliver, publish
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.services import add_settings_group, attach_settings_group, force_user, switch_tests_off
from tests.delivery.rows import insert_document
from tests.factories import TWO_VARIANTS, add_prepared, make_experiment
from usersplit_sdk import parse_document


def manifest_on_disk() -> dict[str, object]:
    found: dict[str, object] = json.loads((settings.DELIVERY_DIR / "manifest.json").read_bytes())
    return found


def test_every_delivered_file_is_one_that_the_sdk_accepts(manager: Actor) -> None:
    for status in (Status.DEV, Status.RUNNING, Status.PAUSED, Status.FINISHED):
        make_experiment(manager, status)
        make_experiment(manager, status, kind=Kind.GROUP)
    deliver()
    manifest = Manifest.objects.get()
    assert len(manifest.files) == 8
    for path, sha256 in manifest.files.items():
        body = (settings.DELIVERY_DIR / path).read_bytes()
        assert hashlib.sha256(body).hexdigest() == sha256
        assert f"{parse_document(json.loads(body)).key}.json" in path
    assert manifest_on_disk() == {
        "format": 1,
        "version": 1,
        "published_at": manifest.published_at.isoformat().replace("+00:00", "Z"),
        "files": manifest.files,
        "tests_off": {"user_ids": [], "device_ids": []},
    }


def test_a_file_holds_what_the_contract_says(manager: Actor) -> None:
    experiment = make_experiment(
        manager,
        Status.RUNNING,
        key="green_button",
        starts_at="2026-11-01T01:00:00+01:00",
        variants=TWO_VARIANTS,
    )
    force_user(manager, experiment, "green", "devel", device_id="a-b-c")
    deliver()
    document = json.loads((settings.DELIVERY_DIR / "tests/green_button.json").read_bytes())
    owners = SettingsGroup.objects.select_related("drawn").get().drawn.owners
    ranges = {variant["name"]: variant.pop("split_groups") for variant in document["variants"]}
    for position, name in enumerate(("control", "green"), start=1):
        owned = [number for first, last in ranges[name] for number in range(first, last + 1)]
        assert owned == [number for number, owner in enumerate(owners, start=1) if owner == position]
    assert document == {
        "format": 1,
        "kind": "test",
        "key": "green_button",
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "starts_at": "2026-11-01T00:00:00Z",
        "ends_at": None,
        "conditions": [],
        "control": "control",
        "variants": [{"name": "control"}, {"name": "green", "payload": {"color": "#0a0"}}],
        "forced": [{"variant": "green", "device_id": "a-b-c", "environment": "devel"}],
        "outcome": None,
        "tokens": {},
    }


def test_nothing_is_published_again_while_nothing_changes(manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING)
    first, second = publish(), publish()
    assert (first.is_new, second.is_new) == (True, False)
    assert Manifest.objects.count() == 1


def test_a_forced_user_and_tests_off_end_with_their_expiry(manager: Actor, people: object) -> None:
    experiment = make_experiment(manager, Status.RUNNING, key="forced")
    soon = clock.now() + dt.timedelta(hours=1)
    force_user(manager, experiment, "green", "production", user_id="7", expires_at=soon)
    switch_tests_off(Actor.machine("autotest"), device_id="d", expires_at=soon)
    before = publish().manifest
    with clock.frozen_at(soon):
        after = publish().manifest
    assert before.tests_off == {"user_ids": [], "device_ids": ["d"]}
    assert after.tests_off == {"user_ids": [], "device_ids": []}
    bodies = [
        bytes(DeliveredFile.objects.get(pk=each.files["tests/forced.json"]).body) for each in (before, after)
    ]
    assert [len(json.loads(body)["forced"]) for body in bodies] == [1, 0]


def test_who_is_forced_into_a_variant_that_is_gone_is_not_delivered(manager: Actor) -> None:
    experiment = make_experiment(manager, Status.RUNNING, key="changed")
    force_user(manager, experiment, "green", "production", user_id="7")
    add_prepared(manager, experiment, variants=[{"name": "blue", "percent": "5"}])
    attach_settings_group(manager, experiment, 2)
    deliver()
    document = json.loads((settings.DELIVERY_DIR / "tests/changed.json").read_bytes())
    assert (document["settings_group"], document["forced"]) == (2, [])


def test_settings_that_are_not_attached_are_not_delivered(manager: Actor) -> None:
    experiment = make_experiment(manager, Status.RUNNING)
    before = publish().manifest
    add_settings_group(manager, experiment, {"variants": TWO_VARIANTS})
    assert publish().manifest == before


def test_one_bad_test_keeps_its_last_good_file_and_stops_nobody(
    manager: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    sound = make_experiment(manager, Status.DEV, key="sound")
    bad = make_experiment(manager, Status.RUNNING, key="bad")
    good = publish().manifest
    # Nothing of ours writes such settings; a hand in the database might.
    broken = SettingsGroup.objects.create(
        experiment=bad, number=2, conditions=[{"filter": "x", "operator": "?"}]
    )
    Experiment.objects.filter(pk=bad.pk).update(current=broken)
    force_user(manager, sound, "green", "production", user_id="1")

    report = deliver()

    assert set(report.refused) == {"tests/bad.json"}
    assert "tests/bad.json cannot be delivered" in caplog.text
    assert report.version == 2
    files = Manifest.objects.get(version=2).files
    assert files["tests/bad.json"] == good.files["tests/bad.json"]
    assert files["tests/sound.json"] != good.files["tests/sound.json"]
    assert deliver().is_new is False


def test_a_bad_test_that_was_never_good_is_left_out(db: None) -> None:
    insert_document(
        {
            "kind": "group",
            "key": "never_good",
            "status": "dev",
            "settings_group": 1,
            "starts_at": None,
            "ends_at": None,
            "conditions": ["nonsense"],
        }
    )
    publication = publish()
    assert publication.manifest.files == {}
    assert "conditions[0]" in publication.refused["groups/never_good.json"]


def test_the_number_of_queries_does_not_grow_with_the_tests(manager: Actor) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            make_experiment(manager, Status.RUNNING)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            publish()
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


@pytest.mark.parametrize("table", ["delivery_manifest", "delivery_deliveredfile"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_was_delivered_cannot_be_changed(manager: Actor, table: str, sql: str) -> None:
    make_experiment(manager, Status.RUNNING)
    publish()
    column = "version" if table == "delivery_manifest" else "sha256"
    with (
        pytest.raises(DatabaseError, match=r"Cannot|kept"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format(table, column, column))
