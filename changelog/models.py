"""Entries of the changelog."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.protection import insert_only


class SubjectKind(models.TextChoices):
    """What an entry is about; the values for tests and groups are the kinds of the test file."""

    TEST = "test", _("Test")
    GROUP = "group", _("User group")
    FILTER = "filter", _("Filter")
    SOURCE = "source", _("Source of users")
    TOKEN = "token", _("API token")
    PERSON = "person", _("Person")
    SPLIT_GROUPS = "split_groups", _("Split groups")
    CONNECTION = "connection", _("Connection")
    ACCOUNT = "account", _("Account")
    TEXT = "text", _("Text of the application")


class Verb(models.TextChoices):
    """What was done. The lifecycle's verbs keep their names."""

    CREATE = "create", _("created")
    EDIT = "edit", _("edited")
    ADD_SETTINGS_GROUP = "add_settings_group", _("new settings")
    PREPARE = "prepare", _("prepared")
    PREPARATION_FAILED = "preparation_failed", _("preparation failed")
    ATTACH = "attach", _("settings attached")
    PUBLISH = "publish", _("published")
    WITHDRAW = "withdraw", _("withdrawn")
    START = "start", _("started")
    PAUSE = "pause", _("paused")
    RESUME = "resume", _("resumed")
    FINISH = "finish", _("finished")
    REQUEST_APPROVAL = "request_approval", _("approval asked")
    APPROVE = "approve", _("approved")
    FORCE = "force", _("user forced")
    UNFORCE = "unforce", _("user no longer forced")
    TESTS_OFF = "tests_off", _("tests switched off")
    TESTS_ON = "tests_on", _("tests switched on")
    REVOKE = "revoke", _("revoked")
    ARCHIVE = "archive", _("archived")
    RESTORE = "restore", _("restored")
    ALARM = "alarm", _("alarm raised")
    ALL_CLEAR = "all_clear", _("alarm over")
    DISMISS = "dismiss", _("dismissed")
    FIRST_HIT = "first_hit", _("first production hits")
    NO_HITS = "no_hits", _("no hits any more")
    STILL_HITS = "still_hits", _("hits after the finish")


class Entry(models.Model):
    """One thing that happened. `changes` is a list of {"field", "label", "before", "after"} with values people can read."""

    at = models.DateTimeField(default=clock.now, db_index=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=200)
    by_machine = models.BooleanField()
    subject_kind = models.CharField(max_length=16, choices=SubjectKind)
    subject_key = models.CharField(max_length=100, help_text="As it was then.")
    subject_id = models.BigIntegerField(null=True, help_text="Holds the history together when a key changes.")
    verb = models.CharField(max_length=32, choices=Verb)
    message = models.TextField()
    changes = models.JSONField(default=list)

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject_kind", "subject_key", "-id"], name="changelog_entry_subject"),
            models.Index(fields=["subject_kind", "subject_id", "-id"], name="changelog_entry_subject_id"),
        ]
        triggers = insert_only()

    def __str__(self) -> str:
        return self.message
