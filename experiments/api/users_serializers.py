"""Walked users as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class GroupMember(serializers.Serializer[Any]):
    """A user in a user group."""

    id = serializers.CharField()
    split_group = serializers.IntegerField(min_value=1, max_value=2400)


class TestMember(GroupMember):
    """A user in a test."""

    # Tells pytest that this is no test class.
    __test__ = False

    variant = serializers.CharField(
        allow_null=True, help_text="null for those who are in no variant (with among=conditions)."
    )


class GroupUsersPage(serializers.Serializer[Any]):
    """Some users, in the order of split group and id."""

    next = serializers.URLField(allow_null=True, help_text="The next page; null after the last user.")
    cursor = serializers.CharField(allow_null=True, help_text="The same place, for `cursor`.")
    settings_group = serializers.IntegerField(help_text="The settings that the walk began with and keeps to.")
    at = serializers.DateTimeField(help_text="The moment that conditions relative to now are judged at.")
    not_counted = serializers.ListField(
        child=serializers.CharField(),
        help_text="Filters that the warehouse does not have, taken as met: with one of these some users are too many.",
    )
    loaded_meanwhile = serializers.BooleanField(
        help_text="Users were loaded since the first page: nobody comes twice, and those from here on are the users of now."
    )
    results = GroupMember(many=True)


class TestUsersPage(GroupUsersPage):
    """Some users with their variants, in the order of split group and id."""

    __test__ = False

    results = TestMember(many=True)
