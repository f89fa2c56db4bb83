"""Addresses of delivery, under /api/v1/. No slash at the end: `files/<path>` ends with the name of a file."""

from __future__ import annotations

from django.urls import path

from delivery.api.views import FileView, ManifestView

app_name = "delivery-api"
urlpatterns = [
    path("delivery/manifest", ManifestView.as_view(), name="manifest"),
    path("delivery/files/<path:path>", FileView.as_view(), name="file"),
]
