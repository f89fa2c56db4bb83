"""A tea shop as a WSGI application with two split tests; its own tests are in test_tea_shop.py."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from usersplit_sdk import Client, Environment, User

client = Client.from_directory(os.environ.get("DELIVERY_DIR", Path(__file__).parent / "delivery"))

StartResponse = Callable[[str, list[tuple[str, str]]], object]


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """The only page. Who is signed in stands in a header."""
    name = environ.get("HTTP_X_CUSTOMER")
    user = User(name, split_group=1187) if name else None
    request = Environment(device_id=environ.get("HTTP_X_DEVICE"))
    color = "green" if client.get_active_variant("green_button", user, request) == "green" else "grey"
    label = client.text("buy_label", user, request, language="en", default="Buy")
    page = f'<button class="{color}">{label}</button>'
    if client.get_active_variant("red_banner", user, request) == "red":
        page += '<p class="red">Free delivery until Sunday!</p>'
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [page.encode()]
