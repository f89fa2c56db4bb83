"""Block Kit as https://docs.slack.dev/reference/block-kit describes it: the blocks, their fields and their limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tests.notifications.standin.server import require

MAX_BLOCKS: Final = 50
MAX_ID: Final = 255
_BLOCK_FIELDS: Final = {
    "header": {"text"},
    "section": {"text", "fields", "accessory", "expand"},
    "context": {"elements"},
    "divider": set[str](),
}
_TEXT_FIELDS: Final = {"plain_text": {"emoji"}, "mrkdwn": {"verbatim"}}
_LINK: Final = re.compile(r"<https?://[^<>|\s]+(\|[^<>|]+)?>")


def require_blocks(blocks: Any) -> None:
    """Raise a Complaint unless Slack takes these blocks."""
    require(isinstance(blocks, list) and len(blocks) <= MAX_BLOCKS, f"more than {MAX_BLOCKS} blocks")
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    require(len(ids) == len(set(ids)), "two blocks of one id")
    require(all(isinstance(one, str) and len(one) <= MAX_ID for one in ids), "block_id")
    for block in blocks:
        _require_block(block)


def _require_block(block: Any) -> None:
    require(isinstance(block, Mapping), "a block that is no object")
    kind = block.get("type")
    require(kind in _BLOCK_FIELDS, f"there is no block {kind}")
    extra = set(block) - _BLOCK_FIELDS[kind] - {"type", "block_id"}
    require(not extra, f"{kind} has no {extra}")
    if kind == "header":
        _require_text(block.get("text"), 150, only="plain_text")
    elif kind == "section":
        require("text" in block or "fields" in block, "a section of nothing")
        if "text" in block:
            _require_text(block["text"], 3_000)
        if "fields" in block:
            require(block["fields"], "fields without any")
            _require_all(block["fields"], 10, 2_000)
    elif kind == "context":
        require(block.get("elements"), "a context of nothing")
        _require_all(block["elements"], 10, 3_000)


def _require_all(texts: Any, many: int, characters: int) -> None:
    require(isinstance(texts, list) and len(texts) <= many, f"more than {many} of them")
    for text in texts:
        _require_text(text, characters)


def _require_text(text: Any, characters: int, only: str = "") -> None:
    require(isinstance(text, Mapping), "a text that is no object")
    kind = text.get("type")
    require(kind in _TEXT_FIELDS and (not only or kind == only), f"a text of type {kind}")
    extra = set(text) - _TEXT_FIELDS[kind] - {"type", "text"}
    require(not extra, f"{kind} has no {extra}")
    said = text.get("text")
    require(
        isinstance(said, str) and 1 <= len(said) <= characters,
        f"text of 1 to {characters} characters: {said!r}",
    )
    if kind == "mrkdwn":
        # What is left of Slack's own characters, when links and escaped ones are out, somebody typed.
        rest = re.sub(r"&(amp|lt|gt);", "", _LINK.sub("", said))
        require(not set("&<>") & set(rest), f"unescaped characters: {said!r}")
