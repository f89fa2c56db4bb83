"""Addresses of the QA tools' pages."""

from __future__ import annotations

from django.urls import path

from qa_tools import views

app_name = "qa_tools"
urlpatterns = [
    path("check/", views.user_check, name="user_check"),
    path("forced/", views.forced_list, name="forced_list"),
    path("forced/<int:forced_id>/remove/", views.forced_remove, name="forced_remove"),
]
