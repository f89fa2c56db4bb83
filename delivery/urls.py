"""Pages and cards about delivery."""

from __future__ import annotations

from django.urls import URLPattern, path

from delivery import views
from experiments.models import Kind

app_name = "delivery"
urlpatterns: list[URLPattern] = [
    path("servers/", views.server_list, name="server_list"),
    path("tests/<str:key>/code/", views.code_card, {"kind": Kind.TEST.value}, name="code_card"),
    path("groups/<str:key>/code/", views.code_card, {"kind": Kind.GROUP.value}, name="code_card"),
    path("tests/<str:key>/in-code/", views.places_card, {"kind": Kind.TEST.value}, name="places_card"),
    path("groups/<str:key>/in-code/", views.places_card, {"kind": Kind.GROUP.value}, name="places_card"),
]
