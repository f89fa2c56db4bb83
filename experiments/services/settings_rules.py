"""What a settings group may hold. One set of rules for console, API and commands; everything wrong is named at once."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.dateparse import parse_date, parse_datetime

from accounts.actors import Actor
from audience.catalogue import load_catalogue
from audience.conditions import parse_conditions, used_filters
from core.errors import FieldError, InvalidInput
from core.text import unstorable_json, unstorable_text
from experiments.lifecycle import Status
from experiments.models import DrawObjective, Experiment, Kind
from experiments.percents import SPLIT_GROUPS, InexactPercent, deal_evenly, format_percent, parse_percent
from experiments.selectors import visible_experiments

VARIANT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
MAX_VARIANTS: Final = 100
MAX_PAYLOAD_BYTES: Final = 16_384
MAX_TOKENS_BYTES: Final = 65_536
MAX_MESSAGE: Final = 2_000
MAX_SEED: Final = 2**63 - 1
_FIELDS: Final = frozenset(
    {
        "starts_at",
        "ends_at",
        "conditions",
        "draw",
        "exclusive_with",
        "seed",
        "allow_control_to_treatment",
        "variants",
        "total_percent",
        "tokens",
        "message",
    }
)
_TEST_ONLY: Final = _FIELDS - {"starts_at", "ends_at", "conditions", "message"}
_VARIANT_FIELDS: Final = frozenset({"name", "percent", "is_control", "payload"})


@dataclass(frozen=True, slots=True)
class NewVariant:
    """A variant as it will be stored; `split_groups` of 2400."""

    name: str
    split_groups: int
    is_control: bool
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewSettings:
    """The content of a settings group, checked."""

    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    conditions: list[Any] = field(default_factory=list)
    draw: str = DrawObjective.FEWEST_SHARED_USERS
    exclusive_with: tuple[str, ...] = ()
    variants: tuple[NewVariant, ...] = ()
    tokens: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    seed: int | None = None
    allow_control_to_treatment: bool = False


class _Rules:
    """Collects what is wrong while it reads, so that a person hears of everything at once."""

    def __init__(self, experiment: Experiment, raw: Mapping[str, object], actor: Actor | None) -> None:
        self.experiment = experiment
        self.actor = actor
        self.raw = raw
        self.errors: list[FieldError] = []

    def wrong(self, path: str, message: str) -> None:
        self.errors.append(FieldError(path, message))

    def moment(self, name: str) -> dt.datetime | None:
        value = self.raw.get(name)
        if value is None or value == "":
            return None
        parsed = value if isinstance(value, dt.datetime) else None
        if isinstance(value, str) and len(value) <= 40:
            try:
                day = parse_date(value)
                parsed = parse_datetime(value) or (dt.datetime.combine(day, dt.time()) if day else None)
            except ValueError:
                parsed = None
        if parsed is None or not 1970 < parsed.year < 9000:
            self.wrong(name, "Must be a date and time such as 2026-11-30T09:00:00Z, or empty for no limit.")
            return None
        # The contract's dates are UTC; a time without a zone is taken as such.
        return parsed.replace(tzinfo=dt.UTC) if parsed.tzinfo is None else parsed.astimezone(dt.UTC)

    def conditions(self) -> list[Any]:
        raw = self.raw.get("conditions")
        try:
            return parse_conditions(
                [] if raw is None else raw, load_catalogue(), already_used=self._filters_in_use()
            )
        except InvalidInput as error:
            self.errors += error.errors
            return []

    def _filters_in_use(self) -> set[str]:
        """Filters that were archived meanwhile stay possible where the test has them already."""
        trees = self.experiment.settings_groups.values_list("conditions", flat=True)
        return {name for tree in trees for name in used_filters(tree)}

    def message(self) -> str:
        value = self.raw.get("message")
        value = "" if value is None else value
        if not isinstance(value, str) or len(value) > MAX_MESSAGE or unstorable_text(value):
            self.wrong("message", f"Must be text of at most {MAX_MESSAGE:,} characters.")
            return ""
        return value.strip()

    def draw(self) -> tuple[str, tuple[str, ...]]:
        objective = self.raw.get("draw")
        objective = DrawObjective.FEWEST_SHARED_USERS if objective in (None, "") else objective
        if objective not in DrawObjective.values:
            self.wrong("draw", f"Must be one of: {', '.join(DrawObjective.values)}.")
            objective = DrawObjective.FEWEST_SHARED_USERS
        keys = self.raw.get("exclusive_with")
        keys = [] if keys in (None, "") else keys
        if (
            not isinstance(keys, list | tuple)
            or not all(isinstance(key, str) for key in keys)
            or len(keys) > 1_000
        ):
            self.wrong("exclusive_with", "Must be a list of keys of tests.")
            return str(objective), ()
        keys = [key for key in dict.fromkeys(keys) if not unstorable_text(key)]
        known = self._known_tests(keys)
        unknown = [key for key in keys if key not in known]
        if unknown:
            self.wrong("exclusive_with", f"There is no other test with the key {', '.join(unknown)[:200]}.")
        if objective == DrawObjective.EXCLUSIVE and not keys:
            self.wrong("exclusive_with", "Name the tests with which this one must share no split group.")
        if objective != DrawObjective.EXCLUSIVE and keys:
            self.wrong(
                "exclusive_with",
                'Only a draw "exclusive" keeps away from named tests; choose it, or leave this empty.',
            )
        return str(objective), tuple(keys)

    def seed(self) -> int | None:
        """A whole number, also as a form sends it; None where the draw makes up its own."""
        value = self.raw.get("seed")
        if value is None or value == "":
            return None
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEED:
            self.wrong(
                "seed", f"Must be a whole number from 0 to {MAX_SEED}, as the what-if answered it, or empty."
            )
            return None
        return value

    def flag(self, name: str) -> bool:
        value = self.raw.get(name)
        if value is not None and not isinstance(value, bool):
            self.wrong(name, "Must be true or false.")
        return value is True

    def _known_tests(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that the actor may know of, or that this test names already; of others not even that they exist."""
        others = Experiment.objects.tests().filter(key__in=keys).exclude(pk=self.experiment.pk)
        visible = (
            others.exclude(status=Status.DRAFT.value)
            if self.actor is None
            else others.filter(pk__in=visible_experiments(self.actor, Kind.TEST).values("pk"))
        )
        named = self.experiment.settings_groups.values_list("exclusive_with", flat=True)
        in_use = {key for earlier in named for key in earlier}
        return set(visible.values_list("key", flat=True)) | set(
            others.filter(key__in=in_use).values_list("key", flat=True)
        )

    def variants(self) -> tuple[NewVariant, ...]:
        raw = self.raw.get("variants")
        if not isinstance(raw, list | tuple) or not raw:
            self.wrong("variants", "A test needs at least one variant.")
            return ()
        if len(raw) > MAX_VARIANTS:
            self.wrong("variants", f"At most {MAX_VARIANTS} variants are possible; these are {len(raw):,}.")
            return ()
        dealt = self._dealt(len(raw), raw)
        variants = [self._variant(index, item, dealt) for index, item in enumerate(raw)]
        names = [variant.name for variant in variants]
        for index, name in enumerate(names):
            if name and name in names[:index]:
                self.wrong(f"variants[{index}].name", f"Two variants are called {name}.")
        controls = [index for index, variant in enumerate(variants) if variant.is_control]
        if len(controls) > 1:
            self.wrong(f"variants[{controls[1]}].is_control", "At most one variant can be the control.")
        total = sum(variant.split_groups for variant in variants)
        if total > SPLIT_GROUPS:
            self.wrong("variants", f"The percents add up to {format_percent(total)} %, more than 100 %.")
        return tuple(variants)

    def _dealt(self, count: int, raw: Sequence[object]) -> int | None:
        """Split groups for each variant when only a total is given, else None."""
        total = self.raw.get("total_percent")
        if total is None or total == "":
            return None
        if any(isinstance(item, Mapping) and item.get("percent") not in (None, "") for item in raw):
            self.wrong("total_percent", "Give either a total, dealt evenly, or a percent for each variant.")
            return 0
        try:
            return deal_evenly(total, count)
        except InexactPercent as error:
            self.wrong("total_percent", _sentence(error))
            return 0

    def _variant(self, index: int, raw: object, dealt: int | None) -> NewVariant:
        path = f"variants[{index}]"
        if not isinstance(raw, Mapping):
            self.wrong(path, 'Must be an object such as {"name": "green", "percent": "5"}.')
            return NewVariant("", 0, is_control=False, payload={})
        for unknown in raw.keys() - _VARIANT_FIELDS:
            self.wrong(
                f"{path}.{str(unknown)[:64]}",
                f"There is no such field; known are {', '.join(sorted(_VARIANT_FIELDS))}.",
            )
        name = raw.get("name")
        if not isinstance(name, str) or not VARIANT_NAME.fullmatch(name):
            self.wrong(
                f"{path}.name",
                "Must be 1 to 64 letters, digits, dots, dashes and underscores, such as control or green.",
            )
            name = ""
        is_control = raw.get("is_control", False)
        if not isinstance(is_control, bool):
            self.wrong(f"{path}.is_control", "Must be true or false.")
            is_control = False
        groups = dealt or 0
        if dealt is None:
            try:
                groups = parse_percent(raw.get("percent"))
            except InexactPercent as error:
                self.wrong(f"{path}.percent", _sentence(error))
        return NewVariant(name, groups, is_control, self._payload(path, raw.get("payload")))

    def _payload(self, path: str, payload: object) -> Mapping[str, Any]:
        if payload is None:
            return {}
        if not isinstance(payload, dict):
            self.wrong(f"{path}.payload", 'Must be a JSON object such as {"color": "#0a0"}.')
            return {}
        return self._json(f"{path}.payload", payload, MAX_PAYLOAD_BYTES)

    def tokens(self, variants: Sequence[NewVariant]) -> Mapping[str, Any]:
        raw = self.raw.get("tokens")
        if raw is None or raw == "":
            return {}
        shape = 'Must be an object: token → variant → language → text, such as {"pay_button": {"green": {"en": "Get it"}}}.'
        if not isinstance(raw, dict):
            self.wrong("tokens", shape)
            return {}
        names = {variant.name for variant in variants}
        for token, by_variant in raw.items():
            if not isinstance(by_variant, dict):
                self.wrong(f"tokens.{token[:64]}", shape)
                continue
            for name, texts in by_variant.items():
                path = f"tokens.{token[:64]}.{name[:64]}"
                if name not in names:
                    self.wrong(path, "There is no such variant in these settings.")
                elif not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
                    self.wrong(path, shape)
        return self._json("tokens", raw, MAX_TOKENS_BYTES)

    def _json(self, path: str, value: dict[str, Any], limit: int) -> Mapping[str, Any]:
        # Depth first: what is nested without end cannot even be measured.
        found = unstorable_json(value, path)
        if found:
            self.wrong(found[0][:200], f"{found[1][0].upper()}{found[1][1:]}.")
            return {}
        if len(json.dumps(value)) > limit:
            self.wrong(path, f"Is larger than {limit:,} bytes.")
            return {}
        return value


def clean_settings(
    experiment: Experiment, raw: Mapping[str, object], actor: Actor | None = None
) -> NewSettings:
    """The content of a new settings group for this test, checked and typed. Raises InvalidInput naming every path.

    Drafts that the actor may not know of count as tests that do not exist; without an actor all drafts of others do.
    """
    rules = _Rules(experiment, raw, actor)
    known = _FIELDS if experiment.kind == Kind.TEST else _FIELDS - _TEST_ONLY
    for name in raw.keys() - known:
        rules.wrong(str(name)[:64], f"There is no such field; known are {', '.join(sorted(known))}.")
    starts_at, ends_at = rules.moment("starts_at"), rules.moment("ends_at")
    if starts_at and ends_at and ends_at <= starts_at:
        rules.wrong("ends_at", "Must be after the start.")
    conditions = rules.conditions()
    message = rules.message()
    settings = NewSettings(starts_at, ends_at, conditions, message=message)
    if experiment.kind == Kind.TEST:
        draw, exclusive_with = rules.draw()
        variants = rules.variants()
        tokens = rules.tokens(variants)
        settings = NewSettings(
            starts_at,
            ends_at,
            conditions,
            draw,
            exclusive_with,
            variants,
            tokens,
            message,
            rules.seed(),
            rules.flag("allow_control_to_treatment"),
        )
    if rules.errors:
        raise InvalidInput(rules.errors)
    return settings


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."
