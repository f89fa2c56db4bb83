"""UserSplit behind OpenFeature: `python examples/openfeature_provider.py delivery/ 123 1187`."""

from __future__ import annotations

import sys

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.track import TrackingEventDetails

from usersplit_sdk import Client
from usersplit_sdk.events import RecordingEvents
from usersplit_sdk.integrations.openfeature import UserSplitProvider


def main(folder: str, user_id: str, split_group: str) -> None:
    with Client.from_directory(folder) as client:
        # On a server: on_track=HttpEvents("https://usersplit.example", token).record, from usersplit_sdk.events.
        events = RecordingEvents()
        api.set_provider_and_wait(UserSplitProvider(client, on_track=events.record))
        flags = api.get_client()
        context = EvaluationContext(
            user_id, {"split_group": int(split_group), "country_id": 50, "platform": "web"}
        )

        print("variant:", flags.get_string_value("green_button", "control", context))
        print("is it green:", flags.get_boolean_value("green_button", False, context))
        print("button:", flags.get_object_value("green_button", {"color": "grey"}, context))
        print("why:", flags.get_string_details("green_button", "control", context).reason)
        flags.track("order.paid", context, TrackingEventDetails(19.9))
        print("tracked:", events.events[0].event, events.events[0].user_id, events.events[0].value)
        api.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
