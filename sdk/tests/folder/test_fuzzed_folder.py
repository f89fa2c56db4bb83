"""Manifests and files that are any bytes or any JSON: nothing is raised, and what is sound afterwards is used."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usersplit_sdk import Client, User
from usersplit_sdk.folder import Folder

if TYPE_CHECKING:
    from tests.folder.conftest import Delivery

USER = User("1", 1)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
PATHS = st.sampled_from(["tests/green_button.json", "groups/vips.json", "../x.json", "tests/x"]) | st.text(
    max_size=20
)


def manifests() -> st.SearchStrategy[bytes]:
    shaped = st.fixed_dictionaries(
        {"format": st.just(1) | ANY_JSON, "version": st.integers() | ANY_JSON},
        optional={
            "files": st.dictionaries(
                PATHS, st.text("0123456789abcdef", min_size=64, max_size=64) | ANY_JSON, max_size=5
            ),
            "published_at": ANY_JSON,
            "tests_off": st.fixed_dictionaries({}, optional={"user_ids": ANY_JSON, "device_ids": ANY_JSON}),
        },
    )
    return st.binary(max_size=200) | shaped.map(
        lambda value: json.dumps(value).encode("utf-8", "surrogatepass")
    )


def damaged(body: bytes, at: int, by: bytes, length: int) -> bytes:
    at %= len(body)
    return body[:at] + by + body[at + length :]


FUZZED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@FUZZED
@given(body=manifests())
def test_any_manifest(delivery: Delivery, body: bytes) -> None:
    survive(delivery, {"manifest.json": body})


@FUZZED
@given(
    at=st.integers(0, 10_000), by=st.binary(max_size=8), length=st.integers(0, 30), in_manifest=st.booleans()
)
def test_any_damage(delivery: Delivery, at: int, by: bytes, length: int, in_manifest: bool) -> None:
    delivery.publish(2, delivery.document(variant="v2"))
    name = "manifest.json" if in_manifest else "tests/green_button.json"
    survive(delivery, {name: damaged((delivery.path / name).read_bytes(), at, by, length)})


@FUZZED
@given(content=st.binary(max_size=100) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_file_with_its_right_checksum(delivery: Delivery, content: bytes) -> None:
    files = {"tests/green_button.json": hashlib.sha256(content).hexdigest()}
    manifest = {"format": 1, "version": 2, "files": files}
    survive(delivery, {"tests/green_button.json": content, "manifest.json": json.dumps(manifest).encode()})


def survive(delivery: Delivery, files: dict[str, bytes]) -> None:
    """A client of a sound folder meets the files, and a sound folder after them."""
    pauses, Folder.pauses = Folder.pauses, ()
    try:
        delivery.publish(1, delivery.document())
        with Client.from_directory(delivery.path, refresh_seconds=None) as client:
            for name, body in files.items():
                delivery.write(name, body)
            client.refresh()
            assert client.get_active_variant("green_button", USER) in {"v1", "v2", None}
            assert all(isinstance(error, str) for error in client.status.errors)
            delivery.publish(3, delivery.document(variant="v3"))
            assert client.refresh()
            assert client.get_active_variant("green_button", USER) == "v3"
            assert client.status.errors == ()
    finally:
        Folder.pauses = pauses
