"""A delivery folder as the server writes it, for applications that follow one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

BUTTON: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 1,
    "conditions": [],
    "control": "control",
    "variants": [
        {"name": "control", "split_groups": [[1, 1000]]},
        {"name": "green", "split_groups": [[1001, 2400]], "payload": {"color": "#0a0"}},
    ],
    "tokens": {"pay_button": {"green": {"en": "Get it", "de": "Hol es dir"}}},
}
CHRISTMAS: dict[str, Any] = {
    "format": 1,
    "kind": "group",
    "key": "christmas",
    "status": "running",
    "settings_group": 1,
    "conditions": [{"filter": "country_id", "source": "user", "operator": "eq", "value": 50}],
}


def deliver(folder: Path) -> Path:
    """Write the test and the user group there."""
    files = {}
    for document in (BUTTON, CHRISTMAS):
        path = folder / f"{document['kind']}s" / f"{document['key']}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(document))
        files[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = {"format": 1, "version": 1, "published_at": "2026-11-22T12:00:00Z", "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
