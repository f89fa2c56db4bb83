"""Addresses of delivery. No trailing slash: `files/<path>` ends with the name of a file."""

from django.urls import path

from delivery.api.views import FileView, ManifestView

app_name = "delivery"
urlpatterns = [
    path("api/v1/delivery/manifest", ManifestView.as_view(), name="manifest"),
    path("api/v1/delivery/files/<path:path>", FileView.as_view(), name="file"),
]
