"""Letters that are tested: the task sees the variant of whoever sent it. `celery -A celery_letters worker`."""

from __future__ import annotations

import os

from celery import Celery

from usersplit_sdk import Client, FileHits, User
from usersplit_sdk.bound import Split, current_split, use_split
from usersplit_sdk.integrations.celery import SplitTasks

app = Celery("letters", broker=os.environ["BROKER_URL"], backend=os.environ["RESULT_BACKEND"])
client = Client.from_directory(
    os.environ.get("DELIVERY_DIR", "delivery"), hits=FileHits(os.environ.get("HITS_FILE", "hits.jsonl"))
)
splits = SplitTasks(client)


@app.task
def send_letter(address: str) -> str:
    """Writes the letter; a hit is logged now, when it is sent, not when somebody asked for it."""
    split = current_split()
    variant = split.variant("green_button") if split else None
    return f"To {address}: {'Green' if variant == 'green' else 'Grey'} buttons are here!"


def send_letters(customers: dict[str, int]) -> list[object]:
    """From a nightly job, where no request says for whom: customers and their split groups. Answers the tasks' ids."""
    ids: list[object] = []
    for address, split_group in customers.items():
        with use_split(Split(client, User(address, split_group))):
            ids.append(send_letter.delay(address).id)
    return ids
