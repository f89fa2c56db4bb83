"""All addresses. Every package brings its own."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from usersplit import api, health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    *api.urlpatterns,
    path("", include("console.urls")),
    path("", include("accounts.urls")),
    path("", include("audience.urls")),
    path("", include("experiments.urls")),
    path("", include("delivery.urls")),
    path("", include("qa_tools.urls")),
    path("", include("analytics.urls")),
    path("", include("notifications.urls")),
    *api.unknown_addresses,
]

handler400 = "usersplit.failures.bad_request"
handler403 = "usersplit.failures.permission_denied"
handler404 = "usersplit.failures.page_not_found"
handler500 = "usersplit.failures.server_error"
