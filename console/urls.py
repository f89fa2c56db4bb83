"""Addresses of the pages that are made of everything below."""

from __future__ import annotations

from django.urls import URLPattern, path

from console.views import (
    approvals,
    code_seen,
    first_test,
    help_pages,
    home,
    overlap,
    people,
    planning,
    searching,
    system,
    test_list,
)

app_name = "console"
urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("tests/", test_list.test_list, name="test_list"),
    path("tests.csv", test_list.test_export, name="test_export"),
    # Not below /tests/, where any word could be somebody's key.
    path("tag/tests/", test_list.test_tag, name="test_tag"),
    path("views/keep/", test_list.view_save, name="view_save"),
    path("views/<int:pk>/remove/", test_list.view_remove, name="view_remove"),
    path("tests/<str:key>/checklist/code/", code_seen.code_seen, name="code_seen"),
    path("calendar/", planning.calendar_page, name="calendar"),
    path("approvals/", approvals.approval_list, name="approval_list"),
    path("system/", system.system_page, name="system"),
    path("overlap/", overlap.overlap_page, name="overlap"),
    path("overlap/<str:key>/<str:other>/", overlap.overlap_pair, name="overlap_pair"),
    path("people/", people.person_list, name="person_list"),
    path("new/person/", people.person_create, name="person_create"),
    path("people/<int:person_id>/", people.person_page, name="person_page"),
    path("people/<int:person_id>/edit/", people.person_edit, name="person_edit"),
    path("people/<int:person_id>/link/", people.person_link, name="person_link"),
    path("people/<int:person_id>/switch/off/", people.person_switch, {"act": "off"}, name="person_off"),
    path("people/<int:person_id>/switch/on/", people.person_switch, {"act": "on"}, name="person_on"),
    path("first-test/", first_test.first_test_page, name="first_test"),
    path("first-test/follow/", first_test.first_test_follow, name="first_test_follow"),
    path("first-test/tried/", first_test.first_test_tried, name="first_test_tried"),
    path("first-test/dismiss/", first_test.first_test_dismiss, name="first_test_dismiss"),
    path("tests/<str:key>/first-test/", first_test.first_test_strip, name="first_test_strip"),
    path("help/", help_pages.help_index, name="help"),
    path("help/pictures/<str:name>", help_pages.help_picture, name="help_picture"),
    path("help/<slug:page>/", help_pages.help_page, name="help_page"),
    path("search/", searching.search_page, name="search"),
]
