"""A shop in Flask that tests its button: `flask --app examples/flask_shop.py run`."""

from __future__ import annotations

import os
from dataclasses import dataclass

from flask import Flask, Request, render_template_string

from usersplit_sdk import Client, FileHits, User
from usersplit_sdk.integrations.flask import UserSplit, split

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
client = Client.from_directory(
    os.environ.get("DELIVERY_DIR", "delivery"), hits=FileHits(os.environ.get("HITS_FILE", "hits.jsonl"))
)


@dataclass
class Customer:
    split_group: int
    country_id: int


CUSTOMERS = {"mia": Customer(split_group=1187, country_id=50)}


def read_user(request: Request) -> User | None:
    """The customer who is signed in, as UserSplit knows users; None is a guest."""
    name = request.authorization.username if request.authorization else None
    customer = CUSTOMERS.get(name or "")
    if name is None or customer is None:
        return None
    return User(name, customer.split_group, {"country_id": customer.country_id})


UserSplit(app, client, user=read_user)

PAGE = """
<button class="{{ 'green' if variant == 'green' else 'grey' }}">{{ split.text("pay_button", "Buy") }}</button>
{% if split.is_in_group("christmas") %}<p>Merry Christmas!</p>{% endif %}
"""


@app.get("/")
def shop() -> str:
    return render_template_string(PAGE, variant=split.variant("green_button"))
