"""Addresses of the QA tools' pages."""

from __future__ import annotations

from django.urls import path

from qa_tools.views.card import card
from qa_tools.views.checking import user_check
from qa_tools.views.forcing import forced_list, forced_many, forced_remove
from qa_tools.views.tests_off import tests_off_list, tests_off_remove

app_name = "qa_tools"
urlpatterns = [
    path("tests/<str:key>/qa/", card, name="card"),
    path("check/", user_check, name="user_check"),
    path("forced/", forced_list, name="forced_list"),
    path("forced/many/", forced_many, name="forced_many"),
    path("forced/<int:forced_id>/remove/", forced_remove, name="forced_remove"),
    path("tests-off/", tests_off_list, name="tests_off_list"),
    path("tests-off/<int:off_id>/remove/", tests_off_remove, name="tests_off_remove"),
]
