"""Whole delivery folders, damaged in all ways at once; a client follows them, and its answers are watched."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz.documents import BODIES, any_json, as_bytes, places, replaced, sound
from usersplit_sdk import Client, Decision, Environment, User
from usersplit_sdk.folder import Folder

SECONDS_LIMIT = 2.0
"""Of processor time, for one refresh or one check. What waits instead of computing is for the watchdog."""
SOUND = ("first", "second")
USERS = (
    None,
    User("1", 7, {"country_id": 50, "app_version": "1.10"}),
    User("forced", None, {}),
    User("2", 2400, {"country_id": "50", "is_test_user": True}),
)
REQUESTS = (
    None,
    Environment("d", {"platform": "web", "agent": "a" * 511 + "!"}, ["victim"], 7),
    Environment("d", {"agent": "ab " * 170 + "\n"}),
)
INSIDE = USERS[1], REQUESTS[1]


class Hang(AssertionError):
    """Something took longer than it may."""


class Counts:
    """What was tried, and how long the slowest of it took."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.slowest: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Count one action and hold it to the limit."""
        began = time.thread_time()
        yield
        taken = time.thread_time() - began
        self.tried[what] += 1
        self.slowest[what] = max(taken, self.slowest.get(what, 0.0))
        if taken > SECONDS_LIMIT:
            raise Hang(f"a {what} took {taken:.1f} s")


# ---- damage ----------------------------------------------------------------------------------------------------


def _sparse(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(5 * 1024**3)


def _to(target: str) -> Callable[[Path], None]:
    return lambda place: place.symlink_to(target)


IN_PLACE: dict[str, Callable[[Path], None]] = {
    "nothing there": lambda place: None,
    "a folder": lambda place: place.mkdir(),
    "a pipe": os.mkfifo,
    "5 GB": _sparse,
    "a link to a device": _to("/dev/zero"),
    "a link to itself": _to("victim.json"),
    "a link out of the folder": _to("/etc/passwd"),
    "an empty file": lambda place: place.touch(),
}
PATHS = [
    "../secret.json", "tests/../../secret.json", "/etc/passwd", "tests/UPPER.json", "tests/a.json", "tests//victim.json",
    "tests/victim.json\n", "tests/victim.json\x00", "manifest.json", "", "tests/\ud800.json", "groups/victim.json",
    "tests/first.json/x", "C:\\x", "tests/" + "a" * 65 + ".json", "tests/con.json", "./tests/first.json",
]  # fmt: skip
checksums = st.sampled_from(["right", "wrong", "upper", "short"]) | any_json


class Damage(NamedTuple):
    """What becomes of the file of the test ``victim``, and of the manifest."""

    kind: str
    body: bytes | None
    checksum: Any
    manifest: tuple[str, Any]


bodies = st.one_of(*(st.tuples(st.just(kind), body) for kind, body in BODIES.items()))
in_place = st.tuples(st.sampled_from(sorted(IN_PLACE)), st.none())
manifests = st.one_of(
    *[st.just(("sound", None))] * 4,
    st.tuples(st.just("paths"), st.dictionaries(st.sampled_from(PATHS), checksums, max_size=4)),
    st.tuples(st.just("bytes"), st.binary(max_size=100) | st.just(b"[" * 1_000_000)),
    st.tuples(st.just("place"), st.tuples(st.integers(0, 30), any_json)),
    st.tuples(st.just("tests off"), any_json | st.dictionaries(st.sampled_from(["user_ids", "x"]), any_json)),
    st.tuples(st.just("in place"), st.sampled_from(sorted(IN_PLACE))),
    st.just(("strays", None)),
)
damages = st.builds(
    lambda file, checksum, manifest: Damage(file[0], file[1], checksum, manifest),
    st.one_of(bodies, bodies, bodies, in_place),
    st.one_of(*[st.just("right")] * 3, checksums),
    manifests,
)


def _is_json(body: bytes) -> bool:
    """Strictly: without NaN, infinities and numbers that nobody reads."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(body, parse_constant=refuse)
    except ValueError:
        return False
    return True


class Delivery:
    """A folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def publish(self, version: int, variant: str) -> dict[str, Any]:
        """Everything sound; answers the manifest."""
        files = {}
        for document in [*(sound(key, variant) for key in (*SOUND, "victim")), sound("vips", "v", "group")]:
            name = f"{document['kind']}s/{document['key']}.json"
            body = as_bytes(document)
            files[name] = hashlib.sha256(body).hexdigest()
            self.put(name, body)
        manifest = {"format": 1, "version": version, "published_at": "2026-11-22T12:00:00Z", "files": files}
        self.put("manifest.json", json.dumps(manifest).encode())
        return manifest

    def put(self, name: str, body: bytes) -> None:
        """Replace what is in a place."""
        self.clear(name).write_bytes(body)

    def clear(self, name: str) -> Path:
        """Remove whatever is in a place."""
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        return place

    def damage(self, damage: Damage) -> bool:
        """A second version, damaged; answers whether its manifest is still sound."""
        manifest = self.publish(2, "v2")
        name = "tests/victim.json"
        body = damage.body
        if body is None:
            IN_PLACE[damage.kind](self.clear(name))
        else:
            self.put(name, body)
        right = hashlib.sha256(body or b"").hexdigest()
        known = {"right": right, "wrong": "0" * 64, "upper": right.upper(), "short": right[:-1]}
        checksum = damage.checksum
        manifest["files"][name] = known.get(checksum, checksum) if isinstance(checksum, str) else checksum
        return self._damage_manifest(manifest, *damage.manifest)

    def _damage_manifest(self, manifest: dict[str, Any], kind: str, detail: Any) -> bool:
        if kind == "in place":
            IN_PLACE[detail](self.clear("manifest.json"))
            return False
        if kind == "bytes":
            self.put("manifest.json", detail)
            return False
        if kind == "paths":
            manifest["files"].update(detail)
        elif kind == "strays":
            manifest["files"].update({f"tests/{number}.json": "" for number in range(50_000)})
        elif kind == "tests off":
            manifest["tests_off"] = detail
        elif kind == "place":
            where = places(manifest)
            manifest = replaced(manifest, where[detail[0] % len(where)], detail[1])
        body = as_bytes(manifest, in_ascii=True)
        self.put("manifest.json", body)
        return kind in ("sound", "paths", "strays") and _is_json(body)


# ---- the client ------------------------------------------------------------------------------------------------


def follow(delivery: Delivery, damage: Damage, counts: Counts) -> None:
    """A client that knows the sound first version meets the damaged second one, and a sound third one."""
    delivery.publish(1, "v1")
    with Client.from_directory(delivery.path, refresh_seconds=None) as client:
        expect(client, "v1")
        is_sound = delivery.damage(damage)
        counts.tried[f"file: {damage.kind}"] += 1
        counts.tried[f"manifest: {damage.manifest[0]}"] += 1
        with counts.timed("refresh"):
            client.refresh()
        if is_sound:
            expect(client, "v2")
        ask(client, counts)
        with counts.timed("cold start"), Client.from_directory(delivery.path, refresh_seconds=None) as cold:
            if is_sound:
                expect(cold, "v2")
            ask(cold, counts)
        delivery.publish(3, "v3")
        with counts.timed("refresh"):
            assert client.refresh(), client.status
        expect(client, "v3", *SOUND, "victim")
        assert client.status.errors == (), client.status


def expect(client: Client, variant: str, *keys: str) -> None:
    """The other tests of the folder go on."""
    for key in keys or SOUND:
        found = client.explain(key, *INSIDE)
        assert found.variant == variant, (key, found, client.status)
        assert client.get_active_variant(key, *INSIDE) == variant


def ask(client: Client, counts: Counts) -> None:
    """Everything a client can be asked."""
    assert all(isinstance(error, str) for error in client.status.errors)
    for user in USERS:
        for request in REQUESTS:
            with counts.timed("check"):
                decision = client.explain("victim", user, request)
            assert isinstance(decision, Decision)
            with counts.timed("check"):
                variant = client.get_active_variant("victim", user, request)
            assert variant == decision.variant
            with counts.timed("check"):
                variants = client.active_variants(user, request)
            assert variants.get("victim") == variant
            with counts.timed("check"):
                assert isinstance(client.text("pay_button", user, request, language="en", default="Buy"), str)
            client.payload("victim", user, request)
            client.is_in_group("vips", user, request)


def run(seconds: float, first_seed: int) -> Counts:
    """Damage folders for so long, one at least; raises what comes out of a client, with the smallest damage that does it."""
    counts = Counts()
    limit = time.monotonic() + seconds
    pauses, Folder.pauses = Folder.pauses, ()
    with tempfile.TemporaryDirectory() as folder:
        delivery = Delivery(Path(folder))

        def one_round(number: int) -> None:
            @seed(number)
            @settings(
                max_examples=100,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, Phase.shrink],
            )
            @given(damages)
            def example(damage: Damage) -> None:
                if time.monotonic() < limit or not counts.tried["folder"]:
                    follow(delivery, damage, counts)
                    counts.tried["folder"] += 1

            example()

        try:
            number = first_seed
            while time.monotonic() < limit or not counts.tried["folder"]:
                one_round(number)
                number += 1
        finally:
            Folder.pauses = pauses
    return counts
