"""What docs/transport.md shows is what there is."""

import hashlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

from usersplit_sdk import Client, Status, User

PAGE = (Path(__file__).parent.parent / "docs" / "transport.md").read_text()
BLOCKS: list[str] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_source_of_ones_own_works_as_shown() -> None:
    body = json.dumps(
        {
            "format": 1,
            "kind": "test",
            "key": "green_button",
            "status": "running",
            "side": "server",
            "settings_group": 1,
            "conditions": [],
            "variants": [{"name": "green", "split_groups": [[1, 2400]]}],
        }
    ).encode()
    listed = {"tests/green_button.json": hashlib.sha256(body).hexdigest()}
    manifest = json.dumps({"format": 1, "version": 1, "files": listed}).encode()
    place: dict[str, Any] = {"get": {"manifest.json": manifest, "tests/green_button.json": body}.__getitem__}
    exec("from usersplit_sdk import Client\n" + BLOCKS[-1], place)
    with place["client"] as client:
        assert client.status.source == "s3://shop/delivery"
        assert client.get_active_variant("green_button", User("1", 1)) == "green"


def test_options_and_fields_that_are_named_exist() -> None:
    (remote,) = (block for block in BLOCKS if "ssl_context" in block)
    options = set(re.findall(r"(\w+)=", remote))
    assert options
    assert options <= set(inspect.signature(Client.from_url).parameters)
    (status,) = (block for block in BLOCKS if "status.version, status.published_at" in block)
    assert set(re.findall(r"status\.(\w+)", status)) <= set(Status._fields)
    for name in ("refresh_seconds", "on_status", "on_error"):
        assert name in inspect.signature(Client.from_directory).parameters
        assert name in PAGE
