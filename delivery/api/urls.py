"""Addresses of delivery, under /api/v1/. `files/<path>` ends without a slash, with the name of a file."""

from __future__ import annotations

from django.urls import path

from delivery.api.code_places_views import CodePlacesView, CodeScanView
from delivery.api.evaluation_views import ActiveVariantsView
from delivery.api.servers_views import AppServerListView
from delivery.api.snippet_views import SnippetView
from delivery.api.views import FileView, ManifestView
from experiments.models import Kind

app_name = "delivery-api"
urlpatterns = [
    path("delivery/manifest", ManifestView.as_view(), name="manifest"),
    path("delivery/files/<path:path>", FileView.as_view(), name="file"),
    path("delivery/servers/", AppServerListView.as_view(), name="servers"),
    path("delivery/code-places/", CodeScanView.as_view(), name="code_scans"),
    path("tests/<str:key>/code-places/", CodePlacesView.as_view(kind=Kind.TEST), name="test_code_places"),
    path("groups/<str:key>/code-places/", CodePlacesView.as_view(kind=Kind.GROUP), name="group_code_places"),
    path("tests/<str:key>/snippet/", SnippetView.as_view(kind=Kind.TEST), name="test_snippet"),
    path("groups/<str:key>/snippet/", SnippetView.as_view(kind=Kind.GROUP), name="group_snippet"),
    path("active-variants/", ActiveVariantsView.as_view(), name="active_variants"),
]
