"""A shop in Starlette, its API in FastAPI: one middleware, one cookie. `granian --interface asgi starlette_shop:app`."""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from usersplit_sdk import Client, FileHits, User
from usersplit_sdk.bound import Split
from usersplit_sdk.integrations.starlette import SplitMiddleware, get_split

client = Client.from_directory(
    os.environ.get("DELIVERY_DIR", "delivery"), hits=FileHits(os.environ.get("HITS_FILE", "hits.jsonl"))
)
api = FastAPI()


async def read_user(connection: HTTPConnection) -> User | None:
    """Whom the proxy signed in; asking a database would be awaited here."""
    name = connection.headers.get("X-Customer")
    return User(name, split_group=1187, attributes={"country_id": 50}) if name else None


async def shop(request: Request) -> HTMLResponse:
    split = await get_split(request)
    color = "green" if split.variant("green_button") == "green" else "grey"
    return HTMLResponse(f'<button class="{color}">Buy</button>')


@api.get("/button")
async def button(split: Annotated[Split, Depends(get_split)]) -> dict[str, object]:
    return {"variant": split.variant("green_button"), "button": split.payload("green_button")}


app = Starlette(
    routes=[Route("/", shop), Mount("/api", api)],
    middleware=[Middleware(SplitMiddleware, client=client, secret=os.environ["SECRET_KEY"], user=read_user)],
)
