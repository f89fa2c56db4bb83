"""Settings groups: new ones, how far they are, making them current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django_filters import FilterSet, MultipleChoiceFilter
from rest_framework import status as http
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from core.bodies import json_object
from core.errors import InvalidInput
from experiments.api.addresses import address
from experiments.api.schema import Operation, PerKind
from experiments.api.settings_bodies import GroupSettingsBody, TestSettingsBody
from experiments.api.settings_serializers import (
    GroupSettingsDetail,
    GroupSettingsSummary,
    TestSettingsDetail,
    TestSettingsSummary,
)
from experiments.api.views import KindView
from experiments.models import Experiment, PreparationState, SettingsGroup
from experiments.selectors import settings_group_of
from experiments.services import (
    add_settings_group,
    attach_settings_group,
    copy_settings_group,
    request_recount,
    retry_preparation,
)

SUMMARY = PerKind(TestSettingsSummary, GroupSettingsSummary)
DETAIL = PerKind(TestSettingsDetail, GroupSettingsDetail)


class SettingsView(KindView):
    """What all addresses of settings groups share."""

    def show(self, experiment: Experiment, number: int) -> dict[str, Any]:
        """The settings group as it is now, with what the preparation found so far."""
        settings_group = settings_group_of(experiment, number)
        return dict(DETAIL.of(self.kind)(settings_group, context=self.get_serializer_context()).data)

    def show_new(self, experiment: Experiment, number: int) -> Response:
        location = address(self.request, self.kind, "settings_group", key=experiment.key, number=number)
        return Response(self.show(experiment, number), http.HTTP_202_ACCEPTED, headers={"Location": location})


class SettingsGroupFilter(FilterSet):
    """What to see of the settings groups."""

    state = MultipleChoiceFilter(
        field_name="preparation__state",
        choices=PreparationState.choices,
        help_text="Only these states; may be repeated.",
    )

    class Meta:
        model = SettingsGroup
        fields: ClassVar[list[str]] = []


class SettingsGroupListView(SettingsView):
    """All settings a test ever had, the newest first."""

    queryset = SettingsGroup.objects.all()
    filterset_class = SettingsGroupFilter
    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation(
            "settings_groups",
            "List settings groups, without what was counted",
            PerKind(TestSettingsSummary(many=True), GroupSettingsSummary(many=True)),
        ),
        "POST": Operation(
            "add_settings_group",
            "New settings, prepared in the background",
            DETAIL,
            202,
            PerKind(TestSettingsBody, GroupSettingsBody),
            location=True,
        ),
    }

    def get(self, request: Request, key: str) -> Response:
        rows = SettingsGroup.objects.filter(experiment=self.experiment(key))
        related = rows.select_related(
            "preparation", "experiment", "copied_from", "created_by"
        ).prefetch_related("variants")
        return self.page(related, SUMMARY.of(self.kind))

    def post(self, request: Request, key: str) -> Response:
        experiment = self.experiment(key)
        settings = dict(json_object(request))
        based_on = settings.pop("based_on", None)
        if based_on is not None and (isinstance(based_on, bool) or not isinstance(based_on, int)):
            raise InvalidInput.at("based_on", "Must be the number of the newest settings group, or 0.")
        added = add_settings_group(self.actor, experiment, settings, based_on=based_on)
        return self.show_new(experiment, added.number)


class SettingsGroupView(SettingsView):
    """One settings group. While it is being prepared nothing is counted: `audience.users` is null, lists are empty."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation(
            "settings_group", "A settings group with its audience, split groups and intersections", DETAIL
        )
    }

    def get(self, request: Request, key: str, number: int) -> Response:
        return Response(self.show(self.experiment(key), number))


class SettingsGroupActionView(SettingsView):
    """Something that is done to one settings group."""

    action: str = "attach"

    def operation_of(self, method: str) -> Operation:
        status, summary, _ = ACTIONS[self.action]
        return Operation(
            f"{self.action}_settings_group", summary, DETAIL, status, location=self.action == "copy"
        )

    def post(self, request: Request, key: str, number: int) -> Response:
        json_object(request, known=())
        experiment = self.experiment(key)
        status, _, act = ACTIONS[self.action]
        shown = act(self.actor, experiment, number)
        if shown != number:
            return self.show_new(experiment, shown)
        return Response(self.show(self.experiment(key), number), status)


def _attach(actor: Actor, experiment: Experiment, number: int) -> int:
    attach_settings_group(actor, experiment, number)
    return number


def _retry(actor: Actor, experiment: Experiment, number: int) -> int:
    retry_preparation(actor, experiment, number)
    return number


def _copy(actor: Actor, experiment: Experiment, number: int) -> int:
    return copy_settings_group(actor, experiment, number).number


def _recount(actor: Actor, experiment: Experiment, number: int) -> int:
    request_recount(actor, experiment, number)
    return number


# Status, summary, and what is done; it answers the number of the settings group to show.
ACTIONS: dict[str, tuple[int, str, Callable[[Actor, Experiment, int], int]]] = {
    "attach": (http.HTTP_200_OK, "Make prepared settings current", _attach),
    "retry": (http.HTTP_202_ACCEPTED, "Prepare again what failed", _retry),
    "copy": (http.HTTP_202_ACCEPTED, "Take up older settings again, under a new number", _copy),
    "recount": (http.HTTP_202_ACCEPTED, "Count again, with the users of now", _recount),
}
