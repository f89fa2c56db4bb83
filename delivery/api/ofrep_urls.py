"""Addresses of the OpenFeature Remote Evaluation Protocol, under /ofrep/v1/."""

from __future__ import annotations

from django.urls import path

from delivery.api.ofrep_views import FlagsView, FlagView

app_name = "ofrep"
urlpatterns = [
    path("evaluate/flags", FlagsView.as_view(), name="flags"),
    # A path: whatever somebody asks for, the answer is that there is no such flag.
    path("evaluate/flags/<path:key>", FlagView.as_view(), name="flag"),
]
