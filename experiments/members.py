"""The users in a test, in one variant of it, or in a user group, walked one by one as the warehouse has them.

Who is in: whoever meets the conditions and, in a test, whose split group a variant owns; whatever the status is. Forced users
and guests are known to app servers only. A walk keeps to the settings group and to the moment it began with: new settings
or a later page change nothing about whom it means.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.core import signing

from accounts.actors import Actor
from audience.iterating import not_counted_filters
from audience.walking_order import Position
from audience.warehouse import get_warehouse
from core.errors import Conflict, InvalidInput, NotAllowed
from experiments.counting import full_hour
from experiments.lifecycle import APPROVING
from experiments.models import Draw, Experiment, SettingsGroup
from experiments.percents import SPLIT_GROUPS
from experiments.selectors import settings_group_of, standing_of

LONGEST_CURSOR: Final = 2_000
_SALT: Final = "experiments.members"


class Among(StrEnum):
    """Whose users are walked; the words are those of a winner's scope."""

    VARIANTS = "variants"
    CONDITIONS = "conditions"


@dataclass(frozen=True, slots=True)
class Member:
    """A user. `variant` is None in a user group, and for those who meet a test's conditions and are in no variant."""

    id: str
    split_group: int
    variant: str | None


@dataclass(frozen=True, slots=True)
class MemberWalk:
    """One walk; iterate over it as often as you like, in constant memory. Raises WarehouseError when the warehouse fails.

    `at` is the moment that conditions relative to now are judged at: the full hour, as counts have it. `not_counted` names filters that the warehouse does not
    have, taken as met: the walked users are then an upper bound. `loaded_meanwhile`: users were loaded since the walk that
    is continued began; nobody comes twice, and those who came in before its position are not in it.
    """

    experiment: Experiment
    settings_group: SettingsGroup
    among: Among
    variant: str | None
    at: dt.datetime
    version: str
    after: Position | None
    not_counted: tuple[str, ...]
    loaded_meanwhile: bool
    variants: Mapping[int, str]
    owners: tuple[int, ...] | None

    @property
    def split_groups(self) -> list[int] | None:
        """Those whose users are walked; None is all of them."""
        if self.owners is None or self.among == Among.CONDITIONS:
            return None
        wanted = {place for place, name in self.variants.items() if self.variant in (None, name)}
        return [group for group, owner in enumerate(self.owners, start=1) if owner in wanted]

    def __iter__(self) -> Iterator[Member]:
        owners = self.owners or (0,) * SPLIT_GROUPS
        walked = get_warehouse().iterate_users(
            self.settings_group.conditions, self.at, self.split_groups, after=self.after
        )
        for user in walked:
            yield Member(user.id, user.split_group, self.variants.get(owners[user.split_group - 1]))

    def cursor_after(self, member: Member) -> str:
        """Where a later walk goes on behind this user; signed, so that nobody makes one up."""
        where = [
            self.experiment.pk,
            self.settings_group.number,
            str(self.among),
            self.variant,
            self.at.isoformat(),
            self.version,
            member.split_group,
            member.id,
        ]
        return signing.dumps(where, salt=_SALT)


def require_reading_users(actor: Actor, experiment: Experiment) -> None:
    """Ids of users are personal data: managers and superusers read them, of every test that they may know of."""
    if standing_of(actor, experiment) not in APPROVING:
        raise NotAllowed("Only managers and superusers read the ids of users.")


def users_in(
    experiment: Experiment,
    variant: str | None = None,
    after: str | None = None,
    *,
    among: Among | str = Among.VARIANTS,
) -> MemberWalk:
    """The users of the current settings: of all variants, or of one. `after` is a cursor of an earlier walk.

    With `among="conditions"` everybody who meets the conditions, in a variant or not. Raises Conflict while there are no
    prepared settings, InvalidInput naming `variant` or `cursor`, WarehouseError.
    """
    begun = _read_cursor(after) if after is not None else None
    settings_group = experiment.current
    if begun is not None:
        if (begun.experiment, begun.among, begun.variant) != (experiment.pk, str(among), variant):
            raise _wrong_cursor()
        settings_group = settings_group_of(experiment, begun.number)
    if settings_group is None:
        raise Conflict(f"“{experiment.key}” has no prepared settings yet, so nobody is in it.")
    names = {row.position: row.name for row in settings_group.variants.all()}
    if variant is not None and variant not in names.values():
        raise InvalidInput.at("variant", _no_such_variant(experiment, settings_group, list(names.values())))
    draw = Draw.objects.filter(settings_group=settings_group).first()
    version = get_warehouse().version()
    at = begun.at if begun else full_hour()
    return MemberWalk(
        experiment=experiment,
        settings_group=settings_group,
        among=Among(among),
        variant=variant,
        at=at,
        version=begun.version if begun else version,
        after=begun.position if begun else None,
        not_counted=not_counted_filters(settings_group.conditions, at),
        loaded_meanwhile=begun is not None and begun.version != version,
        variants=names,
        owners=tuple(draw.owners) if draw else None,
    )


def _no_such_variant(experiment: Experiment, settings_group: SettingsGroup, names: list[str]) -> str:
    if not experiment.is_test:
        return "A user group has no variants."
    return f"Settings {settings_group.number} of “{experiment.key}” have no such variant; they have {', '.join(names)}."


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a cursor tells of the walk that it continues."""

    experiment: int
    number: int
    among: str
    variant: str | None
    at: dt.datetime
    version: str
    position: Position


def _read_cursor(text: str) -> _Begun:
    if len(text) > LONGEST_CURSOR:
        raise _wrong_cursor()
    try:
        found: Any = signing.loads(text, salt=_SALT)
        experiment, number, among, variant, at, version, split_group, user_id = found
    # Signed by an earlier release, it may hold something else.
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise _wrong_cursor() from error
    return _Begun(
        experiment, number, among, variant, dt.datetime.fromisoformat(at), version, (split_group, user_id)
    )


def _wrong_cursor() -> InvalidInput:
    return InvalidInput.at(
        "cursor", "Is not a cursor of this walk; take it from an earlier answer, with the same variant."
    )
