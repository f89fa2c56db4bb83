"""The Django site of these tests, switched on for one of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings

from tests.integrations import django_site
from tests.integrations.files import a_client
from usersplit_sdk import RecordingHits


@pytest.fixture
def site() -> Iterator[RecordingHits]:
    """The site, and the hits that it records."""
    client, hits = a_client()
    with override_settings(
        ROOT_URLCONF=django_site.__name__,
        MIDDLEWARE=django_site.MIDDLEWARE,
        INSTALLED_APPS=[*settings.INSTALLED_APPS, "usersplit_sdk.integrations.django"],
        USERSPLIT={"CLIENT": client, "USER": django_site.user_with_group},
        USE_I18N=True,
    ):
        yield hits
