"""Pages and cards about notifications."""

from __future__ import annotations

from django.urls import path

from experiments.models import Kind
from notifications import views, views_card, views_connections, views_jira

app_name = "notifications"
_OF_ONE = (
    ("", views_card.card, "card"),
    ("room/", views_card.room_make, "room_make"),
    ("room/add/", views_card.member_add, "member_add"),
    ("room/remove/", views_card.member_remove, "member_remove"),
    ("mutes/", views_card.mutes_save, "mutes_save"),
)
urlpatterns = [
    path("notifications/", views.record, name="record"),
    path("notifications/mine/", views.mine, name="mine"),
    path("notifications/mine/mutes/<int:mute_id>/remove/", views.mute_remove, name="mute_remove"),
    path("notifications/<int:delivery_id>/resend/", views.delivery_resend, name="resend"),
    path("connections/", views_connections.connection_list, name="connection_list"),
    path("new/connection/<slug:provider>/", views_connections.connection_create, name="connection_create"),
    path("connections/<int:connection_id>/", views_connections.connection_page, name="connection_page"),
    path(
        "connections/<int:connection_id>/check/", views_connections.connection_check, name="connection_check"
    ),
    path(
        "connections/<int:connection_id>/switch/off/",
        views_connections.connection_switch,
        {"act": "off"},
        name="connection_off",
    ),
    path(
        "connections/<int:connection_id>/switch/on/",
        views_connections.connection_switch,
        {"act": "on"},
        name="connection_on",
    ),
    path("notifications/jira/check/", views_jira.jira_check, name="jira_check"),
    *(
        path(f"{kind.value}s/<str:key>/{address}", view, {"kind": kind.value}, name=name)
        for kind in Kind
        for address, view, name in (
            ("jira/", views_jira.jira_card, "jira_card"),
            ("jira/ask/", views_jira.jira_ask, "jira_ask"),
        )
    ),
    path("notifications/stop/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
urlpatterns += [
    path(f"{plural}/<str:key>/notifications/{below}", view, {"kind": kind.value}, name=name)
    for plural, kind in (("tests", Kind.TEST), ("groups", Kind.GROUP))
    for below, view, name in _OF_ONE
]
