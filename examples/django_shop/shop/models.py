"""Customers draw their split group when they register, and keep it for life."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from usersplit_sdk.integrations.django import SplitGroupField


class Customer(AbstractUser):
    """`country_id` and `is_paying` are profile filters: conditions can ask for them."""

    split_group = SplitGroupField()
    country_id = models.IntegerField(null=True)
    is_paying = models.BooleanField(default=False)
