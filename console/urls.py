"""Addresses of the pages that are made of everything below."""

from __future__ import annotations

from django.urls import URLPattern, path

from console.views import home

app_name = "console"
urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
]
