"""Pages and cards about delivery."""

from __future__ import annotations

from django.urls import URLPattern, path

from delivery import views

app_name = "delivery"
urlpatterns: list[URLPattern] = [
    path("servers/", views.server_list, name="server_list"),
]
