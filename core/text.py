"""What text from outside may hold before it meets PostgreSQL, JSON or a file."""

from __future__ import annotations

from typing import Final

MAX_JSON_DEPTH: Final = 20


def unstorable_text(text: str) -> str | None:
    """Why `text` cannot be stored (a NUL character or half a surrogate pair), or None."""
    if "\x00" in text:
        return "must not contain NUL characters"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "must not contain half a surrogate pair"
    return None


def unstorable_json(value: object, path: str, depth: int = 0) -> tuple[str, str] | None:
    """The first (path, message) in a decoded JSON value that PostgreSQL cannot store, or None."""
    if depth > MAX_JSON_DEPTH:
        return path, f"is nested more than {MAX_JSON_DEPTH} deep"
    if isinstance(value, str):
        message = unstorable_text(value)
        return (path, message) if message else None
    if isinstance(value, float) and value - value != 0:
        return path, "must be a finite number"
    if isinstance(value, dict):
        for key, item in value.items():
            found = unstorable_json(key, path, depth + 1) or unstorable_json(item, f"{path}.{key}", depth + 1)
            if found:
                return found
    if isinstance(value, list):
        for index, item in enumerate(value):
            found = unstorable_json(item, f"{path}[{index}]", depth + 1)
            if found:
                return found
    return None
