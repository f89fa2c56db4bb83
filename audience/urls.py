"""Addresses of the filter catalogue, of loads of users and their sources."""

from __future__ import annotations

from django.urls import path, re_path

from audience import views, views_loads

app_name = "audience"
NAME = r"(?P<name>[a-z0-9_]{1,63})"
urlpatterns = [
    path("filters/", views.filter_list, name="filter_list"),
    path("new/filter/", views.filter_create, name="filter_create"),
    re_path(rf"^filters/{NAME}/$", views.filter_edit, name="filter_edit"),
    re_path(rf"^filters/{NAME}/archive/$", views.filter_archive, {"act": "archive"}, name="filter_archive"),
    re_path(rf"^filters/{NAME}/restore/$", views.filter_archive, {"act": "restore"}, name="filter_restore"),
    path("loads/", views_loads.load_list, name="load_list"),
    path("loads/<int:load_id>/", views_loads.load_page, name="load_page"),
    path("loads/<int:load_id>/rejects.csv", views_loads.load_rejects, name="load_rejects"),
    path("new/source/", views_loads.source_create, name="source_create"),
    re_path(rf"^sources/{NAME}/$", views_loads.source_edit, name="source_edit"),
    re_path(rf"^sources/{NAME}/load/$", views_loads.source_load, name="source_load"),
    re_path(
        rf"^sources/{NAME}/archive/$", views_loads.source_archive, {"act": "archive"}, name="source_archive"
    ),
    re_path(
        rf"^sources/{NAME}/restore/$", views_loads.source_archive, {"act": "restore"}, name="source_restore"
    ),
]
