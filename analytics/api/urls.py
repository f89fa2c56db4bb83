"""Addresses of hits, events and what was counted of them, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "analytics-api"
urlpatterns: list[URLPattern] = []
