"""The Django app: it has template tags and no models."""

from django.apps import AppConfig


class UserSplitConfig(AppConfig):
    """Labelled for what it is: the module is called as the framework is."""

    name = "usersplit_sdk.integrations.django"
    label = "usersplit_sdk"
    verbose_name = "UserSplit"
