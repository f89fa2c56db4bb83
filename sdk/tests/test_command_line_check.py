"""``check``: the variant and the reason, as the client gives them, and in words."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk.cli import main

CONDITIONS = [
    {"filter": "is_test_user", "source": "user", "operator": "eq", "value": True},
    "OR",
    [
        {"filter": "country_id", "source": "user", "operator": "in", "value": [50]},
        "AND",
        {"filter": "app_version", "source": "user", "operator": "version_gte", "value": "1.10"},
        "AND",
        {"filter": "platform", "source": "environment", "operator": "eq", "value": "web"},
    ],
]
TEST = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 3,
    "conditions": [],
    "variants": [
        {"name": "control", "split_groups": [[1, 1]]},
        {"name": "green", "split_groups": [[2, 600]]},
    ],
    "forced": [{"variant": "green", "device_id": "-d", "environment": "devel"}],
}
FITTING = ("--attribute", "country_id=50", "--attribute", "app_version=1.10", "--request", "platform=web")


def deliver(folder: Path, *documents: dict[str, Any]) -> None:
    files = {}
    for document in documents:
        path = f"{document['kind']}s/{document['key']}.json"
        body = json.dumps(document).encode()
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(body)
        files[path] = hashlib.sha256(body).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "version": 5, "files": files}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    group = {name: value for name, value in TEST.items() if name not in ("variants", "forced", "side")}
    deliver(
        tmp_path,
        {**TEST, "conditions": CONDITIONS},
        {**TEST, "key": "for_all"},
        {**TEST, "key": "for_apps", "side": "client"},
        {**TEST, "key": "later", "starts_at": "2100-01-01T00:00:00Z"},
        {**TEST, "key": "raw", "status": "dev"},
        {**TEST, "key": "still", "status": "paused"},
        {**TEST, "key": "odd", "status": "odd"},
        {
            **TEST,
            "key": "won",
            "status": "finished",
            "outcome": {"result": "winner", "variant": "green", "scope": "everywhere"},
        },
        {**TEST, "key": "lost", "status": "finished", "outcome": {"result": "rejected"}},
        {**group, "key": "vips", "kind": "group"},
        {**group, "key": "for_all", "kind": "group"},
    )
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["check", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def check(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    code, out, _ = run(capsys, *arguments, "--json")
    assert code == 0
    [row] = json.loads(out)
    assert isinstance(row, dict)
    return row


def test_variant_and_reason_are_the_clients(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = check(capsys, folder, "green_button", "--user", "1", "--split-group", "600", *FITTING)
    assert row == {
        "test": "green_button",
        "variant": "green",
        "reason": "SPLIT",
        "detail": None,
        "settings_group": 3,
        "explanation": "split group 600 belongs to green",
    }


@pytest.mark.parametrize(
    ("given", "explanation"),
    [
        ((), "country_id is one of [50]: the user has no country_id (--attribute country_id=…)"),
        (("--attribute", "country_id=51"), "country_id is one of [50]: the user's is 51"),
        (("--attribute", "country_id=DE"), 'country_id is one of [50]: the user\'s is "DE"'),
        (
            ("--attribute", "country_id=50", "--attribute", "app_version=1.9"),
            'app_version is at least version "1.10": the user\'s is "1.9"',
        ),
        (
            (*FITTING[:4], "--request", "platform=ios"),
            'platform is "web": the request\'s is "ios"',
        ),
    ],
)
def test_deciding_predicate_is_shown_beside_the_value(
    folder: Path, given: tuple[str, ...], explanation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = check(capsys, folder, "green_button", "--user", "1", "--split-group", "600", *given)
    assert row["reason"] == "CONDITIONS_NOT_MET"
    assert row["explanation"] == explanation


@pytest.mark.parametrize(
    ("arguments", "reason", "words"),
    [
        (["nowhere"], "UNKNOWN_TEST", "no such test"),
        (["odd"], "INVALID_TEST_FILE", "cannot be used"),
        (["won"], "WINNER", "green won, for everyone"),
        (["lost"], "REJECTED", "nobody"),
        (["still"], "PAUSED", "paused"),
        (["raw"], "NOT_A_TEST_USER", "is_test_user=true"),
        (["later"], "OUTSIDE_DATES", "from 2100-01-01T00:00:00Z to …"),
        (["for_apps", "--split-group", "2"], "NOT_SUPPORTED_BY_CLIENT", "--supports for_apps"),
        (["for_apps", "--split-group", "2", "--supports", "for_apps"], "SPLIT", "2 belongs to green"),
        (["for_all"], "NO_SPLIT_GROUP", "--split-group"),
        (["for_all", "--split-group", "601"], "SPLIT_GROUP_NOT_IN_TEST", "601 belongs to no variant"),
        (["for_all", "--device=-d", "--environment", "devel"], "FORCED", "forced into green in devel"),
        (["later", "--now", "2100-01-01", "--split-group", "1"], "SPLIT", "belongs to control"),
        (["green_button"], "CONDITIONS_NOT_MET", "a guest has no profile"),
    ],
)
def test_every_reason_has_its_words(
    folder: Path, arguments: list[str], reason: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = check(capsys, folder, *arguments)
    assert row["reason"] == reason
    assert words in row["explanation"]


def test_values_are_read_as_the_conditions_expect_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON a version 1.10 would be the number 1.1, and no version at all."""
    user = [folder, "green_button", "--split-group", "2", "--user", "1", "--request", "platform=web"]
    for version, variant in (("1.10", "green"), ('"1.10"', "green"), ("2", "green"), ("null", None)):
        values = ["--attribute", "country_id=50", "--attribute", f"app_version={version}"]
        assert check(capsys, *user, *values)["variant"] == variant
    assert check(capsys, *user, "--attribute", "is_test_user=true")["variant"] == "green"
    assert check(capsys, *user, "--attribute", f"country_id={'[' * 100_000}")["variant"] is None


def test_typos_get_a_hint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, folder, "gren_button", "--user", "1")
    assert (code, "UNKNOWN_TEST" in out) == (0, True)
    assert err == "note: there is no gren_button; did you mean green_button?\n"
    _, _, err = run(capsys, folder, "green_button", "--user", "1", "--attribute", "contry_id=50")
    assert err == "note: no condition asks for the user's contry_id; did you mean country_id?\n"
    _, _, err = run(capsys, folder, "green_button", "--attribute", "country_id=50")
    assert "a guest has no profile" in err


def test_all_tests_are_asked_when_none_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, folder, "--json")
    assert code == 0
    assert [row["test"] for row in json.loads(out)] == sorted(row["test"] for row in json.loads(out))
    assert len(json.loads(out)) == 9
    code, out, _ = run(capsys, folder)
    assert len(out.splitlines()) == 10


def test_user_group_answers_whether_the_user_is_in_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(capsys, folder, "vips") == {"group": "vips", "is_in_group": True}
    code, out, _ = run(capsys, folder, "vips", "won")
    assert code == 0
    assert "WINNER" in out
    assert "vips   True" in out


def test_options_may_stand_anywhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["--split-group", 2, folder, "for_all"],
        [folder, "--split-group", 2, "for_all"],
        [folder, "for_all", "--split-group", 2],
    ):
        assert check(capsys, *arguments)["variant"] == "green"
