"""Users from files: what is read, what is refused, what stays."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pytest

from audience.loading import LoadReport, load_users
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from core.errors import InvalidInput
from tests.audience.catalogues import WIDER


class Loader:
    """Writes files and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = DuckDBWarehouse(folder / "store", lambda: WIDER)

    def load(self, content: str | bytes, name: str = "users.csv", **options: Any) -> LoadReport:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_users(path, warehouse=self.warehouse, catalogue=WIDER, **options)

    def refused(self, content: str | bytes, name: str = "users.csv", **options: Any) -> dict[str, str]:
        with pytest.raises(InvalidInput) as caught:
            self.load(content, name, **options)
        return {error.path: error.message for error in caught.value.errors}

    def attributes(self, user_id: str) -> Any:
        user = self.warehouse.user(user_id)
        assert user is not None
        return user.attributes

    def split_group(self, user_id: str) -> int:
        user = self.warehouse.user(user_id)
        assert user is not None
        return user.split_group


@pytest.fixture
def loader(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


def counts(report: LoadReport) -> tuple[int, int, int, int, int]:
    return report.rows_read, report.added, report.changed, report.unchanged, report.rejected


def test_columns_go_to_the_filters_of_their_names(loader: Loader) -> None:
    report = loader.load("id,age,shoe_size,is_paying,platform\n1,30,42,yes,web\n2,,41,,ios\n")
    assert counts(report) == (2, 2, 0, 0, 0)
    assert report.mapped == {"age": "age", "is_paying": "is_paying"}
    assert report.ignored == ("shoe_size", "platform")
    assert loader.attributes("1") == {"age": 30, "is_paying": True}
    assert loader.attributes("2") == {}


def test_columns_can_be_mapped(loader: Loader) -> None:
    report = loader.load("who,years\nx,30\n", id_column="who", mapping={"age": "years"})
    assert report.mapped == {"age": "years"}
    assert loader.attributes("x") == {"age": 30}


def test_a_second_import_of_the_same_file_changes_nothing(loader: Loader) -> None:
    text = "id,age,tags,app_version\n1,30,a|b,1.10\n2,,,\n"
    first = loader.load(text)
    again = loader.load(text)
    assert counts(again) == (2, 0, 0, 2, 0)
    assert again.version == first.version


def test_a_file_is_the_truth_about_its_columns_only(loader: Loader) -> None:
    loader.load("id,age,language\n1,30,de\n2,40,fr\n3,50,it\n")
    report = loader.load("id,age\n1,31\n2,\n4,20\n")
    assert counts(report) == (3, 1, 2, 0, 0)
    assert loader.attributes("1") == {"age": 31, "language": "de"}
    assert loader.attributes("2") == {"language": "fr"}
    assert loader.attributes("3") == {"age": 50, "language": "it"}
    assert loader.attributes("4") == {"age": 20}


def test_replace_leaves_only_this_file(loader: Loader) -> None:
    loader.load("id,age,language\n1,30,de\n2,40,fr\n")
    report = loader.load("id,age\n1,30\n3,50\n", replace=True)
    assert (report.added, report.changed, report.removed, report.user_count) == (1, 1, 1, 2)
    assert loader.warehouse.user("2") is None
    assert loader.warehouse.columns() == {"age"}


def test_a_split_group_is_for_life(loader: Loader) -> None:
    loader.load("id,age\n" + "".join(f"{number},1\n" for number in range(500)))
    first = {str(number): loader.split_group(str(number)) for number in range(0, 500, 50)}
    loader.load("id\nsomebody\n", replace=True)
    assert loader.warehouse.user("0") is None
    loader.load("id,split_group\n" + "".join(f"{number},7\n" for number in range(500)))
    assert {number: loader.split_group(number) for number in first} == first


def test_split_groups_of_the_file_are_taken_for_new_users(loader: Loader) -> None:
    loader.load("id,sg\na,1\nb,2400\nc,\n", split_group_column="sg")
    assert (loader.split_group("a"), loader.split_group("b")) == (1, 2400)
    assert 1 <= loader.split_group("c") <= 2400
    report = loader.load("id,split_group\na,5\nb,2400\n")
    assert report.split_groups_kept == 1
    assert loader.split_group("a") == 1


def test_bad_rows_are_left_out_and_reported_with_their_lines(loader: Loader) -> None:
    report = loader.load(
        b"id,split_group,age,is_paying,registered_at,app_version,tags,score\n"
        b"1,1,30,yes,2026-01-31,1.10,a,0.5\n"
        b",1,30,,,,,\n"
        b"3,0,30,,,,,\n"
        b"4,2401,30,,,,,\n"
        b"5,x,30,,,,,\n"
        b"6,1,thirty,,,,,\n"
        b"7,1,,perhaps,,,,\n"
        b"8,1,,,2026-02-30,,,\n"
        b"9,1,,,,1.0-beta,,\n"
        b'10,1,,,,,"[1, {}]",\n'
        b"11,1,,,,,,nan\n"
        b"12,1,30\n"
        b"13,1,30,,,,,,,\n"
        b"14,1,,,,,\xff\xfe,\n"
        b"15,1,,,,,a\x00b,\n"
        b"1,1,31,,,,,\n"
        b'"16\nbis",1,99999999999999999999,,,,,\n'
        b"17,1,5,,,,,\n"
    )
    assert counts(report) == (18, 2, 0, 0, 16)
    lines = {reject.line: reject.reason for reject in report.rejects}
    assert list(lines) == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
    assert lines[3] == "the user id is missing"
    assert lines[5] == 'the split group must be from 1 to 2400, not "2401"'
    assert lines[7] == 'age must be a whole number, not "thirty"'
    assert lines[13] == "has 3 fields, the header has 8"
    assert lines[15] == "has bytes that are not UTF-8 (0xff)"
    assert lines[16] == "has a NUL character"
    assert lines[17] == 'user "1" was on line 2 already'
    assert loader.attributes("1")["age"] == 30
    assert loader.attributes("17") == {"age": 5}


def test_the_first_twenty_bad_rows_are_shown_and_all_counted(loader: Loader) -> None:
    report = loader.load("id,age\n1,1\n" + "2,x\n" * 60_000)
    assert (report.rejected, len(report.rejects)) == (60_000, 20)
    assert [reject.line for reject in report.rejects] == list(range(3, 23))


def test_an_open_quotation_mark_costs_its_row_only(loader: Loader) -> None:
    report = loader.load('id,language\n1,de\n2,"fr\n' + "3,it\n" * 30_000)
    assert report.added == 2
    assert report.rejects[0].line == 3
    assert "quotation mark" in report.rejects[0].reason


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfid,age\r\n1,30\r\n",
        b"id;age\n1;30\n",
        b"id\tage\n1\t30",
        b'"id","age"\n"1"," 30 "\n\n',
        gzip.compress(b"ID,age\n1,30\n", mtime=0),
    ],
)
def test_csv_comes_in_many_shapes(loader: Loader, content: bytes) -> None:
    loader.load(content, "users.dat")
    assert loader.attributes("1") == {"age": 30}


def test_lists_come_as_json_or_with_bars(loader: Loader) -> None:
    loader.load('id,tags\n1,"[""a"", ""b|c"", 5]"\n2,a| b |\n3,[]\n4,\n')
    assert [loader.attributes(str(number)).get("tags") for number in (1, 2, 3, 4)] == [
        ["a", "b|c", "5"],
        ["a", "b"],
        [],
        None,
    ]


def test_parquet_keeps_its_types(loader: Loader, tmp_path: Path) -> None:
    path = tmp_path / "users [1]*.parquet"
    duckdb.execute(
        f"""COPY (SELECT * FROM (VALUES
              (1::BIGINT, true, 30::TINYINT, DATE '2026-01-31', ['a', 'b'], 0.5::DECIMAL(4, 2), 'de', 3),
              (2, NULL, NULL, NULL, NULL, NULL, '', 2401), (2, NULL, 1, NULL, [], 'nan'::DOUBLE, NULL, 5)
            ) AS t (user_id, is_paying, age, registered_at, tags, score, language, split_group))
            TO '{tmp_path}/plain.parquet' (FORMAT parquet)"""
    )
    (tmp_path / "plain.parquet").rename(path)
    report = load_users(path, warehouse=loader.warehouse, catalogue=WIDER)
    assert counts(report) == (3, 1, 0, 0, 2)
    assert [reject.line for reject in report.rejects] == [2, 3]
    attributes = loader.attributes("1")
    assert attributes.pop("registered_at").isoformat() == "2026-01-31T00:00:00+00:00"
    assert attributes == {"is_paying": True, "age": 30, "tags": ["a", "b"], "score": 0.5, "language": "de"}


@pytest.mark.parametrize(
    ("content", "name", "options", "path", "words"),
    [
        (b"", "users.csv", {}, "file", "is empty"),
        (b"id,age\n", "users.csv", {}, "file", "no rows"),
        (b"id,age\n1,1\n", "users.csv.gz", {}, "file", "not a gzip file"),
        (gzip.compress(b"id,age\n1,1\n" * 999, mtime=0)[:40], "users.csv.gz", {}, "file", "breaks off"),
        (b"\x1f\x8bnonsense, really", "users.csv.gz", {}, "file", "damaged"),
        (b"PAR1nonsensePAR1", "users.parquet", {}, "file", "Parquet"),
        (b"PK\x03\x04", "users.xlsx", {}, "file", "Excel"),
        ("id,age\n1,2\n".encode("utf-16"), "users.csv", {}, "file", "UTF-16"),
        (b"\xffid,age\n1,2\n", "users.csv", {}, "file", "not UTF-8"),
        (b"\n\n", "users.csv", {}, "file", "no header"),
        (b"id,age,age\n1,2,3\n", "users.csv", {}, "file", "more than one column"),
        (b"x" * 2_000_000, "users.csv", {}, "file", "1,000,000 characters"),
        (b"name,age\n1,2\n", "users.csv", {}, "id", '"name", "age"'),
        (b"name,age\n1,2\n", "users.csv", {"id_column": "nme"}, "id", 'no column "nme"'),
        (b"id,age\n1,2\n", "users.csv", {"split_group_column": "sg"}, "split-group", 'no column "sg"'),
        (b"id,age\n1,2\n", "users.csv", {"mapping": {"agge": "age"}}, "map", 'no filter "agge"'),
        (b"id,age\n1,2\n", "users.csv", {"mapping": {"age": "years"}}, "map", 'no column "years"'),
        (b"id,age\n1,2\n", "users.csv", {"mapping": {"platform": "age"}}, "map", "no warehouse column"),
        (b"id,age\n,2\n", "users.csv", {"replace": True}, "file", "nobody was replaced"),
    ],
)
def test_a_hopeless_file_is_refused_as_a_whole(
    loader: Loader, content: bytes, name: str, options: dict[str, Any], path: str, words: str
) -> None:
    loader.load("id,age\nsomebody,5\n", "before.csv")
    before = loader.warehouse.version()
    refused = loader.refused(content, name, **options)
    assert path in refused
    assert words in refused[path]
    assert loader.warehouse.version() == before
    assert loader.attributes("somebody") == {"age": 5}


def test_a_missing_file_is_refused(loader: Loader, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(InvalidInput, match="file: cannot be opened"):
            load_users(path, warehouse=loader.warehouse, catalogue=WIDER)


def test_progress_is_told(loader: Loader) -> None:
    told: list[tuple[int, Any]] = []
    loader.load(
        "id\n" + "".join(f"{n}\n" for n in range(120_000)),
        progress=lambda rows, part: told.append((rows, part)),
    )
    assert [rows for rows, _ in told] == [50_000, 100_000, 120_000, 120_000]
    assert 0 < told[0][1] < told[1][1] <= told[2][1] <= told[3][1] == 1.0
