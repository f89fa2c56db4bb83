"""UserSplit in Django: ``request.split``, template tags, and the field that holds a user's split group.

    INSTALLED_APPS = [..., "usersplit_sdk.integrations.django"]
    MIDDLEWARE = [..., "usersplit_sdk.integrations.django.SplitMiddleware"]
    USERSPLIT = {"CLIENT": "shop.split.client"}  # a Client, or a function that makes one

The settings are described in ``conf``.
"""

from usersplit_sdk.integrations.django.conf import get_client
from usersplit_sdk.integrations.django.fields import SplitGroupField
from usersplit_sdk.integrations.django.middleware import SplitHttpRequest, SplitMiddleware
from usersplit_sdk.integrations.django.operations import BackfillSplitGroups
from usersplit_sdk.integrations.django.reading import read_environment, read_user

__all__ = [
    "BackfillSplitGroups",
    "SplitGroupField",
    "SplitHttpRequest",
    "SplitMiddleware",
    "get_client",
    "read_environment",
    "read_user",
]
