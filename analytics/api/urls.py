"""Addresses of hits, events and what was counted of them, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from analytics.api.ingest_views import EventsView, HitsView

app_name = "analytics-api"
urlpatterns: list[URLPattern] = [
    path("hits/", HitsView.as_view(), name="hits_send"),
    path("events/", EventsView.as_view(), name="events_send"),
]
