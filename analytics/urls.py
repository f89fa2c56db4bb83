"""Pages and cards about hits."""

from __future__ import annotations

from django.urls import path

from analytics import views, views_results, views_unknown, views_user_hits

app_name = "analytics"
urlpatterns = [
    path("tests/<str:key>/hits/", views.hits_card, name="hits_card"),
    path("tests/<str:key>/hits/several/", views.several_note, name="several_note"),
    path("tests/<str:key>/results/", views_results.results_page, name="results_page"),
    path("tests/<str:key>/results/effects/", views_results.results_effects, name="results_effects"),
    path("hits/unknown/", views_unknown.unknown_list, name="unknown_list"),
    path("hits/unknown/<int:unknown_id>/dismiss/", views_unknown.unknown_dismiss, name="unknown_dismiss"),
    path("analytics/user-hits/", views_user_hits.user_hits, name="user_hits"),
]
