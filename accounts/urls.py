"""Addresses of sign-in, one-time links and tokens."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views, views_links

app_name = "accounts"
urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("choose-password/", views_links.password_choose, name="password_choose"),
    path("choose-password/<int:person_id>/<str:token>/", views_links.link_open, name="link_open"),
    path("tokens/", views.token_list, name="token_list"),
    path("tokens/<int:token_id>/revoke/", views.token_revoke, name="token_revoke"),
]
