"""Flags as OpenFeature's remote protocol (OFREP) has them: the decisions of delivery, in the protocol's words.

What a flag is worth and why is `usersplit_sdk.flags`, which the OpenFeature provider of the SDK shares, so that asking here and
deciding in the process agree. See docs/adr/0022-flags-over-http.md.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from audience.warehouse import get_warehouse
from delivery.evaluation import Delivered
from delivery.subjects import SubjectReader
from usersplit_sdk import Environment, User
from usersplit_sdk.flags import ERRORS, REASONS, error_message, flag_metadata, flag_value, read_context

Body = dict[str, Any]

TARGETING_KEY: Final = "targetingKey"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Whose flags are asked for, by what was delivered, in an environment (`production`, `devel`) and at a moment."""

    delivered: Delivered
    environment: str
    moment: dt.datetime
    user: User | None
    request: Environment

    def flag(self, key: str) -> Body:
        """The flag's answer: `{key, reason, variant, value, metadata}`, or `{key, errorCode, errorDetails, metadata}`.

        Without a `value` the code's default stands; the variant is then "", since clients read it unasked.
        """
        decision = self.delivered.client(self.environment).explain(
            key, self.user, self.request, now=self.moment
        )
        answer: Body = {"key": key, "metadata": flag_metadata(decision)}
        if decision.reason in ERRORS:
            return answer | {
                "errorCode": ERRORS[decision.reason],
                "errorDetails": error_message(key, decision),
            }
        answer |= {"reason": REASONS[decision.reason], "variant": decision.variant or ""}
        if decision.variant is not None:
            answer["value"] = flag_value(decision.variant, self.delivered.payload(key, decision.variant))
        return answer

    def flags(self) -> Body:
        """All flags by key, or those of them that the client says it supports, and which delivery says so."""
        named = self.request.supported_tests
        keys = [key for key in self.delivered.tests if named is None or key in named]
        return {
            "flags": [self.flag(key) for key in keys],
            "metadata": {"version": self.delivered.version, "environment": self.environment},
        }


def read_evaluation_context(context: object) -> tuple[User | None, Environment]:
    """The user (None: a guest) and the request of an evaluation context, completed from the warehouse.

    What the context says of a user counts, what it does not is taken from the user's profile there. Raises InvalidInput
    naming the members that are wrong, and WarehouseError.
    """
    reader = SubjectReader([])
    given = reader.attributes(context, "context") or {}
    targeting_key = reader.identity(given.get(TARGETING_KEY), f"context.{TARGETING_KEY}")
    checked: dict[str, Any] = {
        "device_id": reader.identity(given.get("device_id"), "context.device_id") or None,
        "split_group": reader.split_group(given.get("split_group"), "context.split_group"),
        "supported_tests": reader.keys(given.get("supported_tests"), "context.supported_tests"),
    }
    reader.refuse()
    attributes = {name: value for name, value in given.items() if name != TARGETING_KEY} | checked
    user, request = read_context(targeting_key, attributes)
    record = get_warehouse().user(targeting_key) if user is not None else None
    if user is None or record is None:
        return user, request
    split_group = record.split_group if user.split_group is None else user.split_group
    return User(user.id, split_group, {**record.attributes, **attributes}), request
