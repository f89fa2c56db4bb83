"""Addresses of tests and user groups, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, include, path

from experiments.api.addresses import NAMESPACES
from experiments.api.planning_views import CapacityView, WhatIfView
from experiments.api.settings_views import (
    ACTIONS,
    SettingsGroupActionView,
    SettingsGroupListView,
    SettingsGroupView,
)
from experiments.api.users_views import UsersView
from experiments.api.views import (
    ApproveView,
    ChangelogView,
    ExperimentListView,
    ExperimentView,
    RequestApprovalView,
    VerbView,
)
from experiments.api.worth_views import WorthView
from experiments.lifecycle import Verb
from experiments.models import Kind


def _addresses(kind: Kind) -> list[URLPattern]:
    return [
        path("", ExperimentListView.as_view(kind=kind), name="list"),
        path("<str:key>/", ExperimentView.as_view(kind=kind), name="detail"),
        path("<str:key>/users/", UsersView.as_view(kind=kind), name="users"),
        path("<str:key>/changelog/", ChangelogView.as_view(kind=kind), name="changelog"),
        path("<str:key>/request-approval/", RequestApprovalView.as_view(kind=kind), name="request_approval"),
        path("<str:key>/approve/", ApproveView.as_view(kind=kind), name="approve"),
        path("<str:key>/what-if/", WhatIfView.as_view(kind=kind), name="what_if"),
        path("<str:key>/settings-groups/", SettingsGroupListView.as_view(kind=kind), name="settings_groups"),
        path(
            "<str:key>/settings-groups/<int:number>/",
            SettingsGroupView.as_view(kind=kind),
            name="settings_group",
        ),
        *(
            path(
                f"<str:key>/settings-groups/<int:number>/{action}/",
                SettingsGroupActionView.as_view(kind=kind, action=action),
                name=f"{action}_settings_group",
            )
            for action in ACTIONS
        ),
        *_of_tests_only(kind),
        *(
            path(f"<str:key>/{verb.value}/", VerbView.as_view(kind=kind, verb=verb), name=verb.value)
            for verb in Verb
        ),
    ]


def _of_tests_only(kind: Kind) -> list[URLPattern]:
    worth = path("<str:key>/settings-groups/<int:number>/worth/", WorthView.as_view(kind=kind), name="worth")
    return [worth] if kind == Kind.TEST else []


app_name = "experiments-api"
urlpatterns = [
    *(path(f"{name}/", include((_addresses(kind), name))) for kind, name in NAMESPACES.items()),
    path("capacity/", CapacityView.as_view(), name="capacity"),
]
