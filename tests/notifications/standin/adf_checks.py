"""What the Atlassian Document Format allows, of the nodes that comments are made of; anything else is a Complaint.

Source: developer.atlassian.com/cloud/jira/platform/apis/document/structure, and the JSON schema linked there.
"""

from __future__ import annotations

from typing import Any, Final

from tests.notifications.standin.server import require

MAX_TEXT: Final = 32_767
"""Characters of a comment or description."""
_CHILDREN: Final = {
    "doc": {"paragraph", "bulletList"},
    "bulletList": {"listItem"},
    "listItem": {"paragraph", "bulletList"},
    "paragraph": {"text", "hardBreak"},
}
_NEEDS_CONTENT: Final = {"doc", "bulletList", "listItem"}
_MARKS: Final = {"strong", "em", "code", "link"}


def check_document(document: Any) -> None:
    """Raise a Complaint unless it is a document."""
    require(isinstance(document, dict), f"ADF is an object, not {type(document).__name__}")
    require(document.keys() == {"version", "type", "content"}, f"a document has {sorted(document)}")
    require(document["version"] == 1 and document["type"] == "doc", "not a document of version 1")
    for node in document["content"]:
        _check_node(node, "doc")
    require(len(text_of(document)) <= MAX_TEXT, "too long")


def _check_node(node: Any, parent: str) -> None:
    require(isinstance(node, dict), f"a node in {parent} is no object")
    kind = node.get("type")
    require(kind in _CHILDREN[parent], f"{kind} in {parent}")
    if kind == "text":
        _check_text(node)
        return
    require(node.keys() <= {"type", "content"}, f"{kind} has {sorted(node)}")
    content = node.get("content", [])
    require(isinstance(content, list), f"content of {kind} is no list")
    require(content or kind not in _NEEDS_CONTENT, f"empty {kind}")
    require(not (kind == "hardBreak" and content), "content in hardBreak")
    if kind == "listItem":
        require(content[0].get("type") == "paragraph", "an item begins with a paragraph")
    for child in content:
        _check_node(child, kind)


def _check_text(node: dict[str, Any]) -> None:
    require(node.keys() <= {"type", "text", "marks"}, f"text has {sorted(node)}")
    text, marks = node.get("text"), node.get("marks", [])
    require(isinstance(text, str) and text, "empty text")
    assert isinstance(text, str)
    require("\n" not in text and "\0" not in text, "a break within text")
    kinds = [mark.get("type") for mark in marks]
    require(set(kinds) <= _MARKS and len(set(kinds)) == len(kinds), f"marks {kinds}")
    require("code" not in kinds or set(kinds) <= {"code", "link"}, "code goes with a link only")
    for mark in marks:
        if mark["type"] == "link":
            require(
                set(mark) == {"type", "attrs"} and set(mark["attrs"]) == {"href"}, "link without href alone"
            )
            require(mark["attrs"]["href"].startswith(("http://", "https://")), "link to nowhere")
        else:
            require(set(mark) == {"type"}, f"{mark['type']} with attributes")


def text_of(node: Any) -> str:
    """All text of a document, and where its links lead."""
    if isinstance(node, list):
        return " ".join(map(text_of, node))
    if not isinstance(node, dict):
        return ""
    links = " ".join(mark["attrs"]["href"] for mark in node.get("marks", []) if mark["type"] == "link")
    return " ".join(filter(None, [node.get("text", ""), links, text_of(node.get("content", []))]))
