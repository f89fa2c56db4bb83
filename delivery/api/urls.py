"""Addresses of delivery, under /api/v1/. `files/<path>` ends without a slash, with the name of a file."""

from __future__ import annotations

from django.urls import path

from delivery.api.evaluation_views import ActiveVariantsView
from delivery.api.servers_views import AppServerListView
from delivery.api.views import FileView, ManifestView

app_name = "delivery-api"
urlpatterns = [
    path("delivery/manifest", ManifestView.as_view(), name="manifest"),
    path("delivery/files/<path:path>", FileView.as_view(), name="file"),
    path("delivery/servers/", AppServerListView.as_view(), name="servers"),
    path("active-variants/", ActiveVariantsView.as_view(), name="active_variants"),
]
