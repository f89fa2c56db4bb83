"""`make bench`: every table, one after the other."""

from __future__ import annotations

import os

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usersplit.settings")
    django.setup()
    from bench import audience, decisions  # noqa: PLC0415 - models need Django's apps

    for part in (decisions, audience):
        print(part.run(), flush=True)


if __name__ == "__main__":
    main()
