"""Other libraries are held to the same answers, and those that cannot be had are left out by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bench.peers import environments, usersplit
from bench.peers.driver import Call, Measured
from bench.peers.table import PEERS, WHO, run
from bench.workload import CONTROL, Plan, Visitor


class Stubborn:
    """A library that gives everybody the control: of one test, or of all of them."""

    def __init__(self, tests: Sequence[Plan], *, single: bool) -> None:
        self.keys, self.single, self.right = [plan.key for plan in tests], single, usersplit.make(tests)

    def check(self, plan: Plan, person: Visitor) -> Call:
        return (lambda: CONTROL) if self.single else self.right.check(plan, person)

    def request(self, person: Visitor) -> Call:
        return lambda: dict.fromkeys(self.keys, CONTROL)

    def variant(self, answer: object) -> str | None:
        return self.right.variant(answer)

    def variants(self, answer: object) -> Mapping[str, str]:
        return self.right.variants(answer)


@pytest.mark.parametrize("single", [True, False])
def test_a_library_that_answers_wrongly_is_not_measured(single: bool) -> None:
    """Users who do not meet the conditions must get nothing, in the single check and in the whole request."""
    measured = Measured(lambda tests: Stubborn(tests, single=single))

    with pytest.raises(SystemExit, match="conditions"):
        measured.must_be_right()


def test_shares_that_were_not_asked_for_are_not_measured() -> None:
    """Ten times the users is another test than the one the others decide."""

    def make(tests: Sequence[Plan]) -> usersplit.UserSplit:
        return usersplit.make(
            [Plan(p.key, p.countries, p.platform, 99, bytes([0, *[1] * 2400])) for p in tests]
        )

    with pytest.raises(SystemExit, match=r"of [0-9]+ users who match saw control instead of 40"):
        Measured(make).must_be_right()


def test_without_any_peer_the_table_is_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package that cannot be installed is left out with a line that says so."""
    monkeypatch.setattr(environments, "KEPT", tmp_path / "peers")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))

    text = run(peers=["eppo"], rounds=1)

    assert text.count("  UserSplit ") == len(WHO)
    assert "  eppo left out: " in text
    assert "one check: Eppo" not in text


def test_every_peer_is_pinned_with_hashes() -> None:
    """Each has a module and its packages, and every package a hash."""
    for name in PEERS:
        assert (Path(environments.__file__).parent / f"{name}.py").exists(), name
        pinned = (environments.REQUIREMENTS / f"bench-{name}.txt").read_text()
        packages = [block for block in re.split(r"\n(?=\S)", pinned) if "==" in block]
        assert packages, name
        assert all("--hash=sha256:" in package for package in packages), name
