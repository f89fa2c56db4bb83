"""``request.split``: the client's questions for the user and the request at hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from usersplit_sdk.bound import use_split
from usersplit_sdk.integrations.django.conf import configuration
from usersplit_sdk.integrations.django.reading import active_language
from usersplit_sdk.integrations.guests import MAX_AGE, cookie_values
from usersplit_sdk.integrations.web import Browser, WebSplit, kept_private


class DjangoSplit(WebSplit[HttpRequest]):
    """Its user comes from the database, which Django reads in a thread where requests are asynchronous."""

    async def aload(self) -> DjangoSplit:
        """``split = await request.asplit()``; no question after it touches the database."""
        if not self.is_loaded:
            await sync_to_async(self.load)()
        return self


class SplitHttpRequest(HttpRequest):
    """For annotations: a request as views get it behind the middleware."""

    split: DjangoSplit
    asplit: Callable[[], Awaitable[DjangoSplit]]


class SplitMiddleware:
    """Gives requests a ``split``, and guests the cookie that keeps their split group.

    Nothing is read, sent or drawn for a request that asks for no split. List it after the cache's
    ``UpdateCacheMiddleware``, which has to see the ``Vary`` header, and after the authentication's.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)
        configuration()

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self.__acall__(request)
        with use_split(_attach(request)) as split:
            return _finish(request, split, self.get_response(request))

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        """The same on an event loop."""
        with use_split(_attach(request)) as split:
            return _finish(request, split, await self.get_response(request))


def _attach(request: Any) -> DjangoSplit:
    settings = configuration()
    name = settings.cookie.name
    # Not request.COOKIES, which has one value of a name: it may be that of another subdomain's page.
    browser = Browser(settings.cookie, lambda: cookie_values(request.META.get("HTTP_COOKIE", ""), name))
    split = DjangoSplit(
        settings.client,
        request,
        browser,
        read_user=settings.read_user,
        read_environment=settings.read_environment,
        read_language=lambda _: active_language(),
    )
    request.split, request.asplit = split, split.aload
    return split


def _finish(request: HttpRequest, split: Any, response: HttpResponse) -> HttpResponse:
    browser: Browser = split.browser
    guest = browser.answer()
    if browser.was_asked:
        patch_vary_headers(response, ["Cookie"])
    if guest is not None:
        cookie = browser.cookie
        response["Cache-Control"] = kept_private(response.get("Cache-Control", ""))
        response.set_cookie(
            cookie.name,
            cookie.value_of(guest),
            max_age=MAX_AGE,
            domain=cookie.domain,
            secure=cookie.is_secure(https=request.is_secure()),
            httponly=True,
            samesite="Lax",
        )
    return response
