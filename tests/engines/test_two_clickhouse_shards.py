"""Two ClickHouse servers, users sharded by split group: what they count together is what the embedded engine counts.

The servers are Debian's 18.16, years older than the dialect that is proven elsewhere, and reached by the native protocol of
their time. They know no moments to the microsecond, so dates are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import clickhouse_driver
import pytest

from audience.warehouse import WarehouseQueryFailed
from audience.warehouse.clickhouse_engine import ClickHouseWarehouse
from audience.warehouse.clickhouse_store import ClickHouseStore
from audience.warehouse.sql_engine import Row
from audience.warehouse.time_limits import TimeLimit
from tests.audience.random_conditions import CATALOGUE, NOW
from tests.engines.conftest import Population
from tests.engines.servers import answers_on, engines_home, free_port, running, short_folder

WITHOUT_DATES = {name: spec for name, spec in CATALOGUE.items() if spec.type != "date"}
SQL_TYPES = {
    "boolean": "Nullable(UInt8)", "integer": "Nullable(Int64)", "number": "Nullable(Float64)", "string": "Nullable(String)",
    "version": "Nullable(String)",
}  # fmt: skip
CONFIGURATION = """<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <tcp_port>{port}</tcp_port><interserver_http_port>{interserver}</interserver_http_port><listen_host>127.0.0.1</listen_host>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><mark_cache_size>100000000</mark_cache_size>
  <timezone>UTC</timezone><users_config>{folder}/users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <remote_servers><both>{shards}</both></remote_servers>
</yandex>"""
PEOPLE = """<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default>
  <password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
</default></users></yandex>"""


class OldStore(ClickHouseStore):
    """The store, spoken to by the native protocol: today's driver wants servers that are younger."""

    def __init__(self, port: int) -> None:
        super().__init__(self.new_client, users="people")
        self.port = port

    def rows(self, sql: str, limit: TimeLimit | None = None) -> Sequence[Row]:
        seconds = int((limit or TimeLimit()).left()) + 1
        # A connection each: one cannot be asked by two threads, or twice at once.
        with clickhouse_driver.Client("127.0.0.1", port=self.port) as client:
            rows: Sequence[Row] = client.execute(
                sql,
                settings={
                    "max_execution_time": seconds,
                    "max_query_size": 100_000_000,
                    "max_ast_elements": 10_000_000,
                },
            )
        return rows


@pytest.fixture(scope="module")
def shards(population: Population) -> Iterator[tuple[int, int]]:
    """The ports of both servers; `people` is the whole on each, `shard` what each has."""
    home = engines_home() / "clickhouse"
    libraries = ":".join(
        str(path) for path in (home / "usr/lib", home / "lib") for path in path.glob("*-linux-gnu")
    )
    with short_folder() as folder, ExitStack() as stack:
        ports = (free_port(), free_port())
        described = "".join(
            f"<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>" for port in ports
        )
        for number, port in enumerate(ports):
            stack.enter_context(one_server(folder / str(number), home, port, described, libraries))
        for port in ports:
            make_tables(port)
        load(ports[0], population)
        yield ports


def one_server(folder: Path, home: Path, port: int, shards: str, libraries: str) -> Any:
    for part in ("data", "tmp"):
        (folder / part).mkdir(parents=True)
    (folder / "users.xml").write_text(PEOPLE)
    (folder / "config.xml").write_text(
        CONFIGURATION.format(port=port, interserver=free_port(), folder=folder, shards=shards)
    )
    command = [str(home / "usr/sbin/clickhouse-server"), f"--config-file={folder / 'config.xml'}"]
    return running(command, folder / "log", answers_on(port), {"LD_LIBRARY_PATH": libraries, "TZ": "UTC"})


def columns() -> dict[str, str]:
    found = {"id": "String", "split_group": "UInt16"}
    for name, spec in WITHOUT_DATES.items():
        if spec.type == "list":
            continue
        found[name] = SQL_TYPES[spec.type]
        if spec.type == "version":
            found[f"{name}__key"] = "Nullable(String)"
    return found


def make_tables(port: int) -> None:
    described = ", ".join(f'"{name}" {sql_type}' for name, sql_type in columns().items())
    with clickhouse_driver.Client("127.0.0.1", port=port) as client:
        client.execute(f"CREATE TABLE shard ({described}) ENGINE = MergeTree ORDER BY (split_group, id)")
        client.execute(
            f"CREATE TABLE people ({described}) ENGINE = Distributed(both, default, shard, split_group)"
        )


def load(port: int, population: Population) -> None:
    """Through the distributed table, which sends each user to the shard of their split group."""
    values = population.columns()
    data = [
        population.ids,
        population.split_groups,
        *(values[name] for name in columns() if name not in ("id", "split_group")),
    ]
    with clickhouse_driver.Client("127.0.0.1", port=port) as client:
        client.execute(
            "INSERT INTO people VALUES",
            data,
            columnar=True,
            settings={"insert_distributed_sync": 1},
            types_check=True,
        )


@pytest.fixture
def cluster(shards: tuple[int, int]) -> ClickHouseWarehouse:
    return ClickHouseWarehouse(OldStore(shards[1]), lambda: WITHOUT_DATES)


def test_users_lie_on_the_shard_of_their_split_group(shards: tuple[int, int], population: Population) -> None:
    found = []
    for port in shards:
        with clickhouse_driver.Client("127.0.0.1", port=port) as client:
            found.append({group for (group,) in client.execute("SELECT DISTINCT split_group FROM shard")})
    assert found[0]
    assert found[1]
    assert not found[0] & found[1]
    assert found[0] | found[1] == set(population.split_groups)


def test_two_shards_count_what_the_embedded_engine_counts(
    cluster: ClickHouseWarehouse, population: Population
) -> None:
    def can_be_asked(predicate: dict[str, Any]) -> bool:
        # 18.16 reads the least of all numbers as 0; today's servers don't.
        return CATALOGUE[predicate["filter"]].type not in ("date", "list") and "5e-324" not in str(predicate)

    population.answers_alike(cluster, population.trees(1, can_be_asked))


def test_a_missing_value_is_in_no_list_and_out_of_none(
    cluster: ClickHouseWarehouse, population: Population
) -> None:
    """The old server itself counts NULL as not being in a list."""
    trees = [
        [{"filter": "integer_one", "source": "user", "operator": "not_in", "value": [1, 2]}],
        [{"filter": "string_one", "source": "user", "operator": "not_in", "value": ["a", "b"]}],
        [{"filter": "number_one", "source": "user", "operator": "not_in", "value": [0.5, 0]}],
        [{"filter": "number_one", "source": "user", "operator": "neq", "value": 0}],
    ]
    population.answers_alike(cluster, trees)


def test_users_are_looked_up_on_whichever_shard_has_them(
    cluster: ClickHouseWarehouse, population: Population
) -> None:
    for number in (0, 1, 12_345):
        ours, theirs = population.embedded.user(f"user-{number}"), cluster.user(f"user-{number}")
        assert ours is not None
        assert theirs is not None
        assert theirs.split_group == ours.split_group
        dated = {name for name in CATALOGUE if CATALOGUE[name].type in ("date", "list")}
        assert theirs.attributes == {
            name: value for name, value in ours.attributes.items() if name not in dated
        }


def test_nothing_is_loaded_into_the_cluster_by_us(cluster: ClickHouseWarehouse) -> None:
    with pytest.raises(WarehouseQueryFailed, match="only read"):
        cluster.merge_users([], {})
    assert cluster.user_count() == len(cluster.store.rows("SELECT id FROM people"))
    assert cluster.count_table([], [], NOW).users.sum() == cluster.user_count()
