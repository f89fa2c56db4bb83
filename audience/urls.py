"""Addresses of the filter catalogue."""

from __future__ import annotations

from django.urls import path, re_path

from audience import views

app_name = "audience"
NAME = r"(?P<name>[a-z0-9_]{1,63})"
urlpatterns = [
    path("filters/", views.filter_list, name="filter_list"),
    path("new/filter/", views.filter_create, name="filter_create"),
    re_path(rf"^filters/{NAME}/$", views.filter_edit, name="filter_edit"),
    re_path(rf"^filters/{NAME}/archive/$", views.filter_archive, {"act": "archive"}, name="filter_archive"),
    re_path(rf"^filters/{NAME}/restore/$", views.filter_archive, {"act": "restore"}, name="filter_restore"),
]
