"""Who is asked about: from what a person or a program sends to the user and request of the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from audience.warehouse import get_warehouse
from core.errors import FieldError, InvalidInput
from core.text import unstorable_json, unstorable_text
from usersplit_sdk import SPLIT_GROUPS, Environment, User

MAX_ID: Final = 200
MAX_ATTRIBUTES: Final = 1_000
MAX_SUPPORTED_TESTS: Final = 10_000
# These names in an "environment" are the request's own; every other name is an environment filter.
REQUEST_FIELDS: Final = frozenset({"attributes", "device_id", "split_group", "supported_tests"})

Profile = Literal["guest", "given", "warehouse", "unknown"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A user (None: a guest) in a request, and where the profile comes from.

    `profile` is `unknown` for an id that the warehouse does not have, when no attributes were given either.
    """

    user: User | None
    environment: Environment
    profile: Profile


@dataclass(slots=True)
class SubjectReader:
    """Reads the parts of a body and remembers all that is wrong with them."""

    errors: list[FieldError]

    def identity(self, value: object, path: str) -> str:
        """A user's or device's id as text, "" for none; a whole number is taken as its digits."""
        if value is None:
            return ""
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or len(text) > MAX_ID or unstorable_text(text):
            self.errors.append(
                FieldError(path, f"Must be text of at most {MAX_ID} characters, or a whole number.")
            )
            return ""
        return text

    def split_group(self, value: object, path: str) -> int | None:
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= SPLIT_GROUPS:
            return value
        self.errors.append(FieldError(path, f"Must be a whole number from 1 to {SPLIT_GROUPS}."))
        return None

    def attributes(self, value: object, path: str) -> dict[str, Any] | None:
        """Values by the name of their filter, as the SDK would get them: nothing is cast."""
        if value is None:
            return None
        if isinstance(value, dict) and len(value) <= MAX_ATTRIBUTES:
            found = unstorable_json(value, path)
            if found is None:
                return value
            self.errors.append(FieldError(found[0], f"{found[1][0].upper()}{found[1][1:]}."))
            return None
        self.errors.append(
            FieldError(path, f"Must be an object of at most {MAX_ATTRIBUTES:,} values by filter name.")
        )
        return None

    def keys(self, value: object, path: str) -> frozenset[str] | None:
        """Keys of tests; None stays None."""
        if value is None:
            return None
        if isinstance(value, list) and len(value) <= MAX_SUPPORTED_TESTS and all(map(_is_text, value)):
            return frozenset(value)
        self.errors.append(
            FieldError(path, f"Must be a list of at most {MAX_SUPPORTED_TESTS:,} keys of tests.")
        )
        return None

    def environment(self, value: object, path: str = "environment") -> Environment:
        """The request: environment filters by name, and beside them what is in REQUEST_FIELDS."""
        given = self.attributes(value, path) or {}
        filters = {name: item for name, item in given.items() if name not in REQUEST_FIELDS}
        return Environment(
            device_id=self.identity(given.get("device_id"), f"{path}.device_id") or None,
            attributes=filters | (self.attributes(given.get("attributes"), f"{path}.attributes") or {}),
            supported_tests=self.keys(given.get("supported_tests"), f"{path}.supported_tests"),
            split_group=self.split_group(given.get("split_group"), f"{path}.split_group"),
        )

    def refuse(self) -> None:
        """Raise InvalidInput if anything was wrong."""
        if self.errors:
            raise InvalidInput(self.errors)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and unstorable_text(value) is None


def complete_subject(
    user_id: str, split_group: int | None, attributes: Mapping[str, Any] | None, environment: Environment
) -> Subject:
    """Add what the warehouse knows of the user: the attributes if none were given, the split group if none was given.

    Without an id and attributes it is a guest, whose split group is the request's. Raises WarehouseError.
    """
    if not user_id and not attributes:
        guest = Environment(
            environment.device_id,
            environment.attributes,
            environment.supported_tests,
            environment.split_group or split_group,
        )
        return Subject(None, guest, "guest")
    record = None
    if user_id and (attributes is None or split_group is None):
        record = get_warehouse().user(user_id)
    profile: Profile = "given" if attributes is not None else "warehouse" if record else "unknown"
    if attributes is None:
        attributes = record.attributes if record else {}
    if split_group is None and record is not None:
        split_group = record.split_group
    return Subject(User(user_id or None, split_group, attributes), environment, profile)
