"""What docs/hits.md shows is what there is."""

import inspect
import re
from pathlib import Path
from typing import Any

from usersplit_sdk import AsyncHttpHits, Client, HttpHits, RecordingHits, User, hit_answers, http_hits, outbox

PAGE = Path(__file__).parent.parent / "docs" / "hits.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_options_that_are_named_are_those_of_both_sinks() -> None:
    (block,) = (block for block in BLOCKS if "HttpHits(" in block)
    named = dict(re.findall(r"^    (\w+)=([^#\n]+?),", block, re.MULTILINE))
    parameters = inspect.signature(HttpHits).parameters
    assert {"url", *named} == set(parameters)
    assert inspect.signature(AsyncHttpHits).parameters.keys() == parameters.keys()
    shown = set(parameters) - {"url", "token", "spool", "on_error"}
    assert {name: eval(named[name]) for name in shown} == {name: parameters[name].default for name in shown}
    properties = re.findall(r"hits\.(\w+)", block.splitlines()[-1])
    assert all(isinstance(getattr(HttpHits, name), property) for name in properties)


def test_letters_are_logged_when_they_are_sent() -> None:
    (block,) = (block for block in BLOCKS if "client.log_hit(" in block)
    document = {
        "format": 1,
        "kind": "test",
        "key": "letter",
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [],
        "variants": [{"name": "green", "split_groups": [[1, 2400]]}],
    }
    sink = RecordingHits()
    night, morning = block.splitlines()
    names: dict[str, Any] = {
        "client": Client.from_documents([document], hits=sink),
        "user": User("1", 1),
        "request": None,
    }
    exec(night, names)
    assert (names["variant"], sink.hits) == ("green", [])
    exec(morning, names)
    assert [hit.test for hit in sink.hits] == ["letter"]


def test_numbers_are_those_of_the_code() -> None:
    assert (outbox.BACKOFF_SECONDS, outbox.BACKOFF_LIMIT) == (0.5, 60)
    assert "from half a second to a minute" in TEXT
    assert (outbox.REFUSED_SECONDS, outbox.REFUSED_LIMIT) == (60, 600)
    assert hit_answers.RETRY_AFTER_LIMIT == 300
    assert f"{http_hits.PAUSE_SECONDS * 1000:.0f} ms" in TEXT
    assert f"up to {outbox.MEMORY_LIMIT:,}" in TEXT
    assert outbox.ADOPT_SECONDS == 60


def test_links_lead_somewhere() -> None:
    # With the SDK alone there are no examples of the repository.
    links = [link for link in re.findall(r"\]\(([^)#]+)", TEXT) if not link.startswith("../../")]
    assert links
    assert not [link for link in links if not (PAGE.parent / link).exists()]
