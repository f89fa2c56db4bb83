"""A small Django site behind the middleware: its views, URLs and settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import Context, Template
from django.urls import path

from usersplit_sdk import User
from usersplit_sdk.bound import current_split
from usersplit_sdk.integrations.django import SplitHttpRequest, read_user

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "usersplit_sdk.integrations.django.SplitMiddleware",
]


def user_with_group(request: HttpRequest) -> User | None:
    """The product's own users have no split group: here each has that of its first name."""
    user = read_user(request)
    return user and User(user.id, int(request.user.first_name), user.attributes)  # type: ignore[union-attr]


def plain(request: SplitHttpRequest) -> HttpResponse:
    return HttpResponse("no test here")


def button(request: SplitHttpRequest) -> HttpResponse:
    return HttpResponse(str(request.split.variant("green_button")))


async def abutton(request: SplitHttpRequest) -> HttpResponse:
    split = await request.asplit()
    assert current_split() is split
    return HttpResponse(str(split.variant("green_button")))


def everything(request: SplitHttpRequest) -> JsonResponse:
    split = request.split
    return JsonResponse(
        {
            "variant": split.variant("green_button", log_hit=False),
            "payload": split.payload("green_button"),
            "text": split.text("pay_button", "Buy"),
            "is_in_group": split.is_in_group("germans"),
            "active": split.active_variants(),
            "reason": str(split.explain("green_button").reason),
            "user": split.user and split.user.id,
            "attributes": split.environment.attributes,
        },
        json_dumps_params={"default": str},
    )


def stream(request: SplitHttpRequest) -> StreamingHttpResponse:
    def body() -> Iterator[str]:
        yield str(request.split.variant("green_button"))

    return StreamingHttpResponse(body())


def page(request: SplitHttpRequest) -> HttpResponse:
    """Renders the template that the request brings."""
    template = Template("{% load usersplit %}" + request.GET["template"])
    context: dict[str, Any] = json.loads(request.GET.get("context", "{}"))
    if "request" in request.GET:
        context["request"] = request
    return HttpResponse(template.render(Context(context)))


urlpatterns = [
    path("plain/", plain),
    path("button/", button),
    path("abutton/", abutton),
    path("everything/", everything),
    path("stream/", stream),
    path("page/", page),
]
