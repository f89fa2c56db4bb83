"""Eight threads read through a thousand refreshes, and never see anything of two versions at once."""

import hashlib
import json
import sys
import threading
from collections.abc import Iterator

import pytest

from usersplit_sdk import Client, User
from usersplit_sdk.following import FollowingStore
from usersplit_sdk.loading import Source
from usersplit_sdk.manifest import Manifest, ManifestReader
from usersplit_sdk.reporting import Reporter

KEYS = ("one", "two", "three")
READERS = 8
REFRESHES = 1000


class Memory(Source):
    """A delivery whose tests all have one variant, named for the version."""

    where = "memory"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.reader = ManifestReader()

    def publish(self, version: int) -> None:
        variant = {"name": f"v{version}", "split_groups": [[1, 2400]], "payload": version}
        common = {"format": 1, "kind": "test", "status": "running", "side": "server", "settings_group": 1}
        self.files = {
            f"tests/{key}.json": json.dumps(
                {**common, "key": key, "conditions": [], "variants": [variant]}
            ).encode()
            for key in KEYS
        }
        listed = {path: hashlib.sha256(body).hexdigest() for path, body in self.files.items()}
        self.files["manifest"] = json.dumps({"format": 1, "version": version, "files": listed}).encode()

    def read_manifest(self) -> Manifest:
        return self.reader.parse(self.files["manifest"])

    def read(self, path: str, checksum: str) -> bytes:
        return self.files[path]


@pytest.fixture
def _eager_switching() -> Iterator[None]:
    """Threads take turns fifty times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_eager_switching")
def test_readers_never_see_a_mix() -> None:
    memory = Memory()
    memory.publish(0)
    reporter = Reporter()
    store = FollowingStore(memory, reporter, None, None)
    store.refresh()
    client = Client(store, reporter)
    user = User("1", 1)
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        newest = 0
        while not done.is_set():
            seen = client.active_variants(user)
            version = client.payload("one", user)
            if len(seen) != len(KEYS) or len(set(seen.values())) != 1:
                wrong.append(seen)
            if not isinstance(version, int) or version < newest:
                wrong.append((newest, version))
            else:
                newest = version

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for version in range(1, REFRESHES + 1):
        memory.publish(version)
        assert store.refresh()
        assert client.get_active_variant("two", user, log_hit=False) == f"v{version}"
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
