"""What docs/asyncio.md shows is what there is."""

import re
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk import Batching, async_client, async_queue, event_loop

PAGE = Path(__file__).parent.parent.parent / "docs/asyncio.md"
TEXT = PAGE.read_text(encoding="utf-8")
FIRST, SINK = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_first_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(FIRST, names)
    assert names["sink"].hits == []
    assert names["client"].status.tests == 0


def test_sink_has_what_a_client_calls() -> None:
    names: dict[str, Any] = {}
    exec(SINK, names)
    assert {"store", "close"} <= set(vars(names["TableHits"]))


def test_numbers_are_those_of_the_code() -> None:
    defaults = ", ".join(f"{name}={value:_}" for name, value in Batching()._asdict().items())
    assert f"`Batching({defaults})`" in TEXT
    assert f"close(timeout={async_client.CLOSE_SECONDS})" in TEXT
    assert f"after {event_loop.AT_A_TURN} of them" in TEXT
    assert async_queue.STRIKES == 10


def test_links_lead_somewhere() -> None:
    # With the SDK alone there are no examples of the repository.
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if not link.startswith("../../")]
    assert links
    assert not [link for link in links if not (PAGE.parent / link).exists()]
