"""Addresses of sign-in, one-time links, one's own settings and tokens."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views, views_links, views_mine

app_name = "accounts"
urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("choose-password/", views_links.password_choose, name="password_choose"),
    path("choose-password/<int:person_id>/<str:token>/", views_links.link_open, name="link_open"),
    path("me/", views_mine.mine, name="mine"),
    path("me/password/", views_mine.password_change, name="password_change"),
    path("language/", views_mine.language_choose, name="language_choose"),
    path("tokens/", views.token_list, name="token_list"),
    path("tokens/<int:token_id>/revoke/", views.token_revoke, name="token_revoke"),
]
