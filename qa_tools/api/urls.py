"""Addresses of the QA tools, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from qa_tools.api.views import (
    CheckView,
    ForcedListView,
    ForcedView,
    TestsOffListView,
    TestsOffView,
)

app_name = "qa-api"
urlpatterns = [
    path("qa/check/", CheckView.as_view(), name="check"),
    path("qa/forced/", ForcedListView.as_view(), name="forced"),
    path("qa/forced/<int:forced_id>/", ForcedView.as_view(), name="forced_user"),
    path("qa/tests-off/", TestsOffListView.as_view(), name="tests_off"),
    path("qa/tests-off/<int:off_id>/", TestsOffView.as_view(), name="tests_off_person"),
]
