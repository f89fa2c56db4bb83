"""Pages and cards about notifications."""

from __future__ import annotations

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("notifications/", views.record, name="record"),
    path("notifications/mine/", views.mine, name="mine"),
    path("notifications/mine/mutes/<int:mute_id>/remove/", views.mute_remove, name="mute_remove"),
    path("notifications/<int:delivery_id>/resend/", views.delivery_resend, name="resend"),
    path("notifications/stop/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
