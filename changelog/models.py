"""Entries of the changelog."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from core import clock
from core.protection import insert_only


class SubjectKind(models.TextChoices):
    """What an entry is about; the values for tests and groups are the kinds of the test file."""

    TEST = "test", "Test"
    GROUP = "group", "User group"
    FILTER = "filter", "Filter"
    SOURCE = "source", "Source of users"
    TOKEN = "token", "API token"
    PERSON = "person", "Person"
    SPLIT_GROUPS = "split_groups", "Split groups"
    CONNECTION = "connection", "Connection"
    TEXT = "text", "Text of the application"


class Verb(models.TextChoices):
    """What was done. The lifecycle's verbs keep their names."""

    CREATE = "create", "created"
    EDIT = "edit", "edited"
    ADD_SETTINGS_GROUP = "add_settings_group", "new settings"
    PREPARE = "prepare", "prepared"
    PREPARATION_FAILED = "preparation_failed", "preparation failed"
    ATTACH = "attach", "settings attached"
    PUBLISH = "publish", "published"
    WITHDRAW = "withdraw", "withdrawn"
    START = "start", "started"
    PAUSE = "pause", "paused"
    RESUME = "resume", "resumed"
    FINISH = "finish", "finished"
    REQUEST_APPROVAL = "request_approval", "approval asked"
    APPROVE = "approve", "approved"
    FORCE = "force", "user forced"
    UNFORCE = "unforce", "user no longer forced"
    TESTS_OFF = "tests_off", "tests switched off"
    TESTS_ON = "tests_on", "tests switched on"
    REVOKE = "revoke", "revoked"
    ARCHIVE = "archive", "archived"
    RESTORE = "restore", "restored"
    ALARM = "alarm", "alarm raised"
    ALL_CLEAR = "all_clear", "alarm over"
    DISMISS = "dismiss", "dismissed"
    FIRST_HIT = "first_hit", "first production hits"
    NO_HITS = "no_hits", "no hits any more"
    STILL_HITS = "still_hits", "hits after the finish"


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
