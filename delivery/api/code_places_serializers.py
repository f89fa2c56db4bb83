"""Scans of code as JSON: every place is checked, and what is wrong is named by its path."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final, cast

from django.core.exceptions import ValidationError as Invalid
from django.core.validators import URLValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core import clock
from core.problems import MAX_ERRORS
from delivery.code_places import MAX_PLACES, CodeScan, Place
from delivery.models import CodePlace, CodeRepository
from delivery.selectors import link_to
from experiments.models import Kind
from experiments.models.experiment import KEY_PATTERN

MAX_PATH: Final = 500
MAX_LINE: Final = 10_000_000
# Clocks of build machines differ by minutes, not by days; a commit "of next year" would refuse all scans until then.
MAX_AHEAD: Final = dt.timedelta(days=1)

_KEY: Final = re.compile(KEY_PATTERN)
_REPOSITORY: Final = r"^[\w.~+@-]+(/[\w.~+@-]+)*$"
_COMMIT: Final = r"^([0-9a-f]{7,64})?$"
_PLACEHOLDERS: Final = ("{commit}", "{path}", "{line}")
_is_address = URLValidator(schemes=["https", "http"])


class PlaceBody(serializers.Serializer[Any]):
    """A line that names a key."""

    key = serializers.RegexField(KEY_PATTERN)
    kind = serializers.ChoiceField(
        [*Kind.values, ""], required=False, help_text="Without it the scanner could not tell."
    )
    path = serializers.CharField(max_length=MAX_PATH, help_text="From the root of the repository.")
    line = serializers.IntegerField(min_value=1, max_value=MAX_LINE)


@extend_schema_field(serializers.ListField(child=PlaceBody(), max_length=MAX_PLACES))
class PlacesField(serializers.Field[list[Place], Any, Any, Any]):
    """Thousands of places: a serializer for each would take seconds."""

    def to_internal_value(self, data: Any) -> list[Place]:
        if not isinstance(data, list):
            raise serializers.ValidationError('Must be a list of {"key", "kind", "path", "line"}.')
        if len(data) > MAX_PLACES:
            raise serializers.ValidationError(f"Must not be more than {MAX_PLACES:,}.")
        places: list[Place] = []
        wrong: list[dict[str, str]] = []
        found = 0
        for item in data:
            errors = _faults(item)
            wrong.append(errors)
            found += bool(errors)
            if found == MAX_ERRORS:
                break
            if not errors:
                places.append(Place(item["key"], item.get("kind", ""), item["path"], item["line"]))
        if found:
            raise serializers.ValidationError(cast(Any, wrong))
        return places


class CodeScanBody(serializers.Serializer[Any]):
    """All places of one repository."""

    repository = serializers.RegexField(
        _REPOSITORY, max_length=200, help_text="Its name, always the same: `shop/web`."
    )
    commit = serializers.RegexField(
        _COMMIT, required=False, allow_blank=True, help_text="That was searched: 7 to 64 hexadecimal digits."
    )
    committed_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        default_timezone=dt.UTC,
        help_text="When it was committed: scans of an earlier commit are refused from then on.",
    )
    link = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        help_text="Where people read a line: `https://git.example/shop/blob/{commit}/{path}#L{line}`.",
    )
    files = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="How many were searched."
    )
    places = PlacesField(help_text="All of them; what was known before and is not among them is gone.")

    def validate_committed_at(self, value: dt.datetime | None) -> dt.datetime | None:
        if value is not None and value > clock.now() + MAX_AHEAD:
            raise serializers.ValidationError("Lies in the future.")
        return value

    def validate_link(self, value: str) -> str:
        example = value
        for name in _PLACEHOLDERS:
            example = example.replace(name, "1")
        good = "{path}" in value and not set(example) & set("{} <>\"'\\@")
        if value and good:
            try:
                _is_address(example)
            except Invalid:
                good = False
        if value and not good:
            raise serializers.ValidationError(
                "Must be like https://git.example/shop/blob/{commit}/{path}#L{line}, with {path} in it."
            )
        return value

    def scan(self) -> CodeScan:
        """What was checked."""
        given = self.validated_data
        return CodeScan(
            given["repository"],
            given.get("commit", ""),
            given.get("committed_at"),
            given.get("link", ""),
            given.get("files", 0),
            given["places"],
        )


class CodeRepositorySerializer(serializers.ModelSerializer[CodeRepository]):
    """What the newest scan of a repository found."""

    repository = serializers.CharField(source="name")
    places = serializers.IntegerField(source="lines", help_text="How many lines name a key.")
    keys = serializers.IntegerField(help_text="How many different ones.")

    class Meta:
        model = CodeRepository
        fields = [
            "repository", "commit", "committed_at", "link", "files", "places", "keys", "scanned_at", "reported_by",
        ]  # fmt: skip
        read_only_fields = fields


class CodePlaceSerializer(serializers.ModelSerializer[CodePlace]):
    """A line that names this test or user group."""

    repository = serializers.CharField(source="repository.name")
    commit = serializers.CharField(source="repository.commit", help_text="Empty if the scan did not tell.")
    scanned_at = serializers.DateTimeField(source="repository.scanned_at")
    link = serializers.SerializerMethodField(
        help_text="Where people read it; null if the scan did not tell how."
    )

    class Meta:
        model = CodePlace
        fields = ["repository", "path", "line", "commit", "scanned_at", "link"]
        read_only_fields = fields

    def get_link(self, place: CodePlace) -> str | None:
        return link_to(place)


def _faults(item: Any) -> dict[str, str]:
    """What is wrong with one place, by field."""
    if not isinstance(item, dict):
        return {"non_field_errors": 'Must be an object: {"key", "kind", "path", "line"}.'}
    wrong = {
        name[:64]: "There is no such field; known are key, kind, line, path."
        for name in item.keys() - {"key", "kind", "path", "line"}
    }
    key, kind, path, line = item.get("key"), item.get("kind", ""), item.get("path"), item.get("line")
    if not (isinstance(key, str) and _KEY.fullmatch(key)):
        wrong["key"] = f"Must be the key of a test or user group ({KEY_PATTERN})."
    if kind not in (*Kind.values, ""):
        wrong["kind"] = f"Must be one of: {', '.join(Kind.values)}, or empty."
    if not (isinstance(path, str) and _is_path(path)):
        wrong["path"] = f"Must be a path from the root of the repository, of at most {MAX_PATH} characters."
    if not (isinstance(line, int) and not isinstance(line, bool) and 1 <= line <= MAX_LINE):
        wrong["line"] = f"Must be a whole number from 1 to {MAX_LINE:,}."
    return wrong


def _is_path(path: str) -> bool:
    """Nothing that leads out of the repository, and nothing that shows as something else (control characters, text order)."""
    parts = path.split("/")
    return 0 < len(path) <= MAX_PATH and path.isprintable() and not {"", ".", ".."} & set(parts)
