"""Comparing the draws before anything is saved: every objective side by side, with the seed that repeats them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.errors import InvalidInput
from experiments.audience_report import Intersection
from experiments.forms.settings_form import SettingsForm, comparable, settings_of
from experiments.models import DrawObjective
from experiments.views.access import Access
from experiments.warnings_in_words import Warned
from experiments.what_if import ObjectiveOutcome, WhatIf, what_if

# More tests than these are a number.
TESTS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """One objective as a card. The three flags mark the smallest figures of all that are possible, unless all are equal."""

    outcome: ObjectiveOutcome
    fewest_in_other_tests: bool
    smallest_worst_pair: bool
    smallest_mean: bool
    tests: list[tuple[Intersection, bool]]
    more_tests: int
    warnings: list[Warned]

    @property
    def share_in_other_tests(self) -> float:
        """Of the users in variants (0..1), at most."""
        mine = self.outcome.variant_users
        return self.outcome.users_in_other_tests / mine if mine else 0.0


def compare(access: Access, form: SettingsForm) -> WhatIf:
    """Draw for every objective what the form says now, and keep the seed in the form. Raises InvalidInput naming what is
    wrong with the settings, WarehouseError when the users cannot be counted.
    """
    form.seed = ""
    body, errors = settings_of(form, is_test=True)
    if errors:
        raise InvalidInput(errors)
    if form.exclusive_with:
        # Whatever is picked at present: who named tests wants to see what keeping away from them would cost.
        body |= {"draw": DrawObjective.EXCLUSIVE.value, "exclusive_with": form.exclusive_with}
    elif form.draw == DrawObjective.EXCLUSIVE:
        body["draw"] = DrawObjective.FEWEST_SHARED_USERS.value
    result = what_if(access.actor, access.experiment, body)
    form.seed, form.compared = str(result.seed), comparable(form)
    return result


def comparison_context(result: WhatIf) -> dict[str, Any]:
    """What the panel shows: cards by objective."""
    possible = [one for one in result.objectives if one.possible]
    in_others = [one.users_in_other_tests for one in possible]
    worst = [_worst(one) for one in possible]
    means = [one.mean_pair_users for one in possible]
    # What holds for every choice is said once.
    candidates = possible[0].warnings if possible else result.warnings
    common = [warned for warned in candidates if all(warned in one.warnings for one in possible)]
    return {
        "result": result,
        "warnings": common,
        # As when only dates change: every split group stays with its variant, whatever the objective.
        "is_all_the_same": len({one.owners.tobytes() for one in possible if one.owners is not None}) == 1
        and len(possible) > 1,
        "cards": {
            one.objective: Shown(
                one,
                _is_least(one.users_in_other_tests, in_others) and one.possible,
                _is_least(_worst(one), worst) and one.possible,
                _is_least(one.mean_pair_users, means) and one.possible,
                *_tests(one),
                [warned for warned in one.warnings if warned not in common],
            )
            for one in result.objectives
        },
    }


def _worst(outcome: ObjectiveOutcome) -> int:
    return outcome.worst_pair.users if outcome.worst_pair else 0


def _is_least(value: float, values: list[Any]) -> bool:
    return len(set(values)) > 1 and value == min(values)


def _tests(outcome: ObjectiveOutcome) -> tuple[list[tuple[Intersection, bool]], int]:
    """The largest intersections with whether the reader may know the test, and how many more there are."""
    rows = [(one, True) for one in outcome.intersections] + [
        (one, False) for one in outcome.hidden_intersections
    ]
    rows = sorted((row for row in rows if row[0].users), key=lambda row: -row[0].users)
    return rows[:TESTS_NAMED], max(0, len(rows) - TESTS_NAMED)
