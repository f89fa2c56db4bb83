"""Our decisions beside those of every library that could be installed: the same tests, the same users, one run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.measuring import Figure, figures
from bench.peers.environments import ROOT, NotInstalled, interpreter

OURS = "usersplit"
PEERS = (
    "eppo", "flag_engine", "growthbook", "statsig", "posthog", "planout", "launchdarkly", "optimizely", "split",
    "tracks", "unleash",
)  # fmt: skip
ROUNDS = 15
BASES = {"check": "if", "request": "ifs"}
WHO = {"user": "one user", "whole": "one user of 14 attributes", "crowd": "200 users in turn"}


class NotMeasured(Exception):
    """The driver ended before it was asked to; the text is the last it said."""


@dataclass
class Driven:
    """A library in its own process, which measures a round whenever it is told to."""

    name: str
    process: subprocess.Popen[str]
    title: str = ""
    rounds: list[dict[str, float]] = field(default_factory=list)

    def ready(self) -> None:
        """Wait until it has found its answers right."""
        self.title = str(self._answer()["title"])

    def measure(self) -> None:
        """One round."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise NotMeasured("it ended") from None
        self.rounds.append({name: float(str(seconds)) for name, seconds in self._answer().items()})

    def _answer(self) -> dict[str, object]:
        assert self.process.stdout is not None
        said = []
        # Some libraries print words of their own.
        for line in self.process.stdout:
            if line.startswith("{"):
                answer: dict[str, object] = json.loads(line)
                return answer
            said.append(line.strip())
        raise NotMeasured(next(filter(None, reversed(said)), "it said nothing"))

    def micro(self, what: str) -> float:
        """Median µs of a call."""
        return statistics.median(each[what] for each in self.rounds) * 1e6

    def times_by_hand(self, kind: str, who: str) -> list[float]:
        """Per round, how many times the ifs by hand that the same process ran."""
        return [each[f"{kind} {who}"] / each[f"{BASES[kind]} {who}"] for each in self.rounds]


def run(peers: Sequence[str] = PEERS, rounds: int = ROUNDS) -> str:
    """The table and the figures, as text; peers that cannot be had are named and left out."""
    skipped: list[str] = []
    with ExitStack() as stack:
        ours = Driven(OURS, started(OURS, Path(sys.executable), stack))
        ours.ready()
        driven = [ours]
        for name in peers:
            try:
                peer = Driven(name, started(name, interpreter(name), stack))
                peer.ready()
            except (NotInstalled, NotMeasured) as problem:
                skipped.append(f"  {name} left out: {problem}")
                continue
            driven.append(peer)
        for _ in range(rounds):
            # In turns, so that whatever else the machine does falls upon all alike.
            for each in driven:
                each.measure()
    tables = [_table(driven, who) for who in WHO]
    asked = "Asked, beside others (each against the ifs of its own process)\n"
    return "\n\n".join(
        [*tables, asked + figures(_figures(driven)), *(["\n".join(skipped)] if skipped else [])]
    )


def started(name: str, python: Path, stack: ExitStack) -> subprocess.Popen[str]:
    """The driver of this library, ended with the stack."""
    # Nothing of ours but this folder is on its path: what it imports is what its environment has.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    process = stack.enter_context(
        subprocess.Popen(
            [str(python), "-m", "bench.peers.driver", name],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    )
    stack.callback(process.kill)
    return process


def _table(driven: Sequence[Driven], who: str) -> str:
    lines = [
        f"One check, and 40 tests of a request at 10 % each, {WHO[who]}",
        f"  {'':<28} {'check µs':>10} {'× an if':>9} {'40 tests µs':>13} {'× 40 ifs':>9}",
    ]
    ours = driven[0]
    lines.append(
        f"  {'ifs by hand':<28} {ours.micro(f'if {who}'):>10.2f} {1:>9.1f} {ours.micro(f'ifs {who}'):>13.1f} {1:>9.1f}"
    )
    for each in driven:
        check, request = (statistics.median(each.times_by_hand(kind, who)) for kind in BASES)
        lines.append(
            f"  {each.title:<28} {each.micro(f'check {who}'):>10.2f} {check:>9.1f}"
            f" {each.micro(f'request {who}'):>13.1f} {request:>9.1f}"
        )
    return "\n".join(lines)


def _figures(driven: Sequence[Driven]) -> list[Figure]:
    by_name = {each.name: each for each in driven}
    ours, rows = by_name.pop(OURS), []
    for who, title in WHO.items():
        for name, target in (("eppo", 3), ("growthbook", 15)):
            if name in by_name:
                peer = by_name[name]
                faster = _faster(ours, peer, "check", who)
                rows.append(
                    Figure(f"one check: {peer.title} / ours ({title})", faster, target, at_least=True)
                )
        if by_name:
            faster, fastest = min(
                (_faster(ours, peer, "request", who), peer.title) for peer in by_name.values()
            )
            rows.append(
                Figure(f"40 tests: {fastest}, the fastest / ours ({title})", faster, 20, at_least=True)
            )
    return rows


def _faster(ours: Driven, peer: Driven, kind: str, who: str) -> float:
    pairs = zip(peer.times_by_hand(kind, who), ours.times_by_hand(kind, who), strict=True)
    return statistics.median(theirs / mine for theirs, mine in pairs)
