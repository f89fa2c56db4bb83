"""One page with a tested button."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from usersplit_sdk.integrations.django import SplitHttpRequest


def shop(request: SplitHttpRequest) -> HttpResponse:
    """Asked here because the variant decides more than the look."""
    is_green = request.split.variant("green_button") == "green"
    return render(request, "shop.html", {"price": 19 if is_green else 20})


urlpatterns = [path("", shop)]
