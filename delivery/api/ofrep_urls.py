"""Addresses of the OpenFeature Remote Evaluation Protocol, under /ofrep/v1/."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "ofrep"
urlpatterns: list[URLPattern] = []
