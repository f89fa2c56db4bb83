"""UserSplit behind OpenFeature: ``api.set_provider_and_wait(UserSplitProvider(client))``.

A flag is a test. Asked for a string it is the variant's payload if that is a text, else the variant's name; for an
object or a number, the payload; for a boolean, the payload if that is one, else whether the variant is another than
the control. A payload ``{"value": 3}`` is the number 3, and so for booleans and texts. A user without a variant gets
the default, the code as it stands, with the reason why; so does one whose variant has no payload where one is asked
for, with the variant. The server answers flags over HTTP (OFREP) in the same way.

The targeting key is the user's id; without one it is a guest. Of the context's attributes ``split_group``,
``device_id`` and ``supported_tests`` are what they are called; all are values for profile and environment filters
by name, for no two filters have the same. Metadata say ``usersplit_reason``, ``usersplit_detail`` and
``settings_group``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TypeVar, cast

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagMetadata, FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata
from openfeature.track import TrackingEventDetails

from usersplit_sdk import flags
from usersplit_sdk.bound import checked_client
from usersplit_sdk.client import Client
from usersplit_sdk.engine import read_subject
from usersplit_sdk.events import Event
from usersplit_sdk.model import Decision, Environment, User
from usersplit_sdk.reporting import describe

Value = TypeVar("Value")
Objects = Sequence[FlagValueType] | Mapping[str, FlagValueType]

REASONS = {reason: Reason(word) for reason, word in flags.REASONS.items()}
"""OpenFeature's word for ours. Whatever else is an error."""

_MISSING = object()
_WRONG = object()
_TRIES = 3


class UserSplitProvider(AbstractProvider):
    """Answers from a client, which stays the application's own: shutting down does not close it.

    A hit is logged whenever a variant decided the value, unless ``log_hits`` is false. ``on_track`` is called with the ``Event``
    of each ``track``: ``HttpEvents(url, token).record`` sends it to a server, a function of yours where you like. What the
    details of an event hold besides its value is not part of it.
    """

    def __init__(
        self, client: Client, *, log_hits: bool = True, on_track: Callable[[Event], object] | None = None
    ) -> None:
        super().__init__()
        self._client = checked_client(client)
        self._log_hits = log_hits
        self._on_track = on_track

    def get_metadata(self) -> Metadata:
        """The provider's name."""
        return Metadata(name="UserSplit")

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """The payload if it is a boolean, else: is the variant another than the control?"""

        def read(variant: str, payload: object) -> object:
            value = flags.plain_value(payload)
            return value if isinstance(value, bool) else variant != self._client.control(flag_key)

        return self._resolve(flag_key, default_value, evaluation_context, read)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """The payload if it is a text, else the variant's name."""

        def read(variant: str, payload: object) -> object:
            value = flags.plain_value(payload)
            return value if isinstance(value, str) else variant

        return self._resolve(flag_key, default_value, evaluation_context, read)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """The payload, a whole number."""
        return self._resolve(flag_key, default_value, evaluation_context, _payload_as(_whole_number))

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """The payload, a number."""
        return self._resolve(flag_key, default_value, evaluation_context, _payload_as(_number))

    def resolve_object_details(
        self, flag_key: str, default_value: Objects, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[Objects]:
        """The payload, an object or a list."""
        return self._resolve(flag_key, default_value, evaluation_context, _payload_as(_structure))

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """Hand the event to ``on_track``, if it is somebody's: of the targeting key, or of the context's ``device_id``."""
        if self._on_track is None:
            return
        try:
            user, environment = subject_of(evaluation_context)
            who = read_subject(user, environment)
            if who.user_id is None and who.device_id is None:
                message = f"the event {tracking_event_name} has neither a targeting key nor a device_id"
                self._client.report("track", message)
                return
            value = None if tracking_event_details is None else tracking_event_details.value
            event = Event(
                tracking_event_name,
                who.user_id,
                who.device_id,
                self._client.environment,
                datetime.now(timezone.utc),
                None if value is None else float(value),
            )
            self._on_track(event)
        except Exception as problem:  # noqa: BLE001 - tracking must not disturb the application
            self._client.report("track", describe(problem))

    def _resolve(
        self,
        key: str,
        default: Value,
        context: EvaluationContext | None,
        read: Callable[[str, object], object],
    ) -> FlagResolutionDetails[Value]:
        """``read`` makes the value of variant and payload: ``_MISSING`` is the default, ``_WRONG`` an error."""
        user, environment = subject_of(context)
        decision, payload = self._decide(key, user, environment)
        if decision.reason not in REASONS:
            code = ErrorCode(flags.ERRORS[decision.reason])
            return _refused(default, decision, code, flags.error_message(key, decision))
        if decision.variant is None:
            return FlagResolutionDetails(
                default, reason=REASONS[decision.reason], flag_metadata=_metadata(decision)
            )
        value = read(decision.variant, payload)
        if value is _WRONG:
            message = f"the payload of variant {decision.variant} is of another type"
            return _refused(default, decision, ErrorCode.TYPE_MISMATCH, message)
        if self._log_hits:
            self._client.log_hit(key, decision.variant, user, environment)
        return FlagResolutionDetails(
            default if value is _MISSING else cast(Value, value),
            reason=REASONS[decision.reason],
            variant=decision.variant,
            flag_metadata=_metadata(decision),
        )

    def _decide(self, key: str, user: User | None, environment: Environment) -> tuple[Decision, object]:
        """The decision and its payload, both of one version: a refresh in between asks again."""
        for _ in range(_TRIES):
            decision = self._client.explain(key, user, environment)
            if decision.variant is None:
                return decision, None
            payload = self._client.payload(key, user, environment)
            if self._client.explain(key, user, environment) == decision:
                break
        return decision, payload


def subject_of(context: EvaluationContext | None) -> tuple[User | None, Environment]:
    """The user (None: a guest) and the request of an evaluation context."""
    return flags.read_context(
        None if context is None else context.targeting_key, {} if context is None else context.attributes
    )


def _payload_as(read: Callable[[object], object]) -> Callable[[str, object], object]:
    return lambda _, payload: _MISSING if payload is None else read(payload)


def _whole_number(payload: object) -> object:
    value = flags.plain_value(payload)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else _WRONG


def _number(payload: object) -> object:
    value = flags.plain_value(payload)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return _WRONG
    try:
        return float(value)
    except OverflowError:
        return _WRONG


def _structure(payload: object) -> object:
    return payload if isinstance(payload, dict | list) else _WRONG


def _metadata(decision: Decision) -> FlagMetadata:
    return {**flags.flag_metadata(decision)}


def _refused(
    default: Value, decision: Decision, code: ErrorCode, message: str
) -> FlagResolutionDetails[Value]:
    return FlagResolutionDetails(
        default,
        error_code=code,
        error_message=message,
        reason=Reason.ERROR,
        flag_metadata=_metadata(decision),
    )
