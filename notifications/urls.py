"""Pages and cards about notifications."""

from __future__ import annotations

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("notifications/stop/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
