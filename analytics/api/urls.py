"""Addresses of hits, events and what was counted of them, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from analytics.api.hits_views import TestHitsView, UnknownHitsView
from analytics.api.ingest_views import EventsView, HitsView
from analytics.api.results_views import ResultsView

app_name = "analytics-api"
urlpatterns: list[URLPattern] = [
    path("hits/", HitsView.as_view(), name="hits_send"),
    path("hits/unknown/", UnknownHitsView.as_view(), name="hits_unknown"),
    path("tests/<str:key>/hits/", TestHitsView.as_view(), name="test_hits"),
    path("tests/<str:key>/results/", ResultsView.as_view(), name="test_results"),
    path("events/", EventsView.as_view(), name="events_send"),
]
