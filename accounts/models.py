"""People and API tokens."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock


class Role(models.TextChoices):
    """What a person is here for. Rights follow from it and, for managers, from the tests they manage."""

    SUPERUSER = "superuser", _("Superuser")
    MANAGER = "manager", _("Manager")
    DEVELOPER = "developer", _("Developer")
    QA = "qa", _("QA")
    VIEWER = "viewer", _("Viewer")


class Scope(models.TextChoices):
    """What a token may be used for."""

    READ = "read", _("Read tests, groups and their history")
    MANAGE = "manage", _("Create and change tests and groups")
    QA = "qa", _("Check users and force variants")
    DELIVER = "deliver", _("Read test files")
    INGEST = "ingest", _("Send hits and events")
    EVALUATE = "evaluate", _("Ask for the variants of a user")


# With these a stranger can ask which variants a user id has, and send hits. Nothing can be changed; what can be read is what
# every client of OFREP may ask for: keys, variants and payloads of what is delivered. Never names, descriptions or conditions.
SCOPES_FOR_BROWSERS = frozenset({Scope.EVALUATE, Scope.INGEST})


class Environment(models.TextChoices):
    """Where a token's caller runs; forced users apply per environment."""

    PRODUCTION = "production", _("Production")
    DEVEL = "devel", _("Devel")


class PersonManager(UserManager["User"]):
    """Django's manager; `createsuperuser` also gives the superuser's role."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra_fields: Any
    ) -> User:
        extra_fields.setdefault("role", Role.SUPERUSER)
        return super().create_superuser(username, email, password, **extra_fields)


class User(AbstractUser):
    """A person with one role. `is_superuser` and `is_staff` of Django follow the role."""

    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    language = models.CharField(max_length=8, blank=True, default="", help_text="Empty: as the browser asks.")
    time_zone = models.CharField(max_length=64, blank=True, default="", help_text="Empty: the browser's.")
    revision = models.PositiveIntegerField(
        default=1, editable=False, help_text="Grows with every change by a superuser."
    )
    access_epoch = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="Grows when sessions and links end: those of before never work again.",
    )
    link_made_at = models.DateTimeField(
        null=True, editable=False, help_text="The newest link by which they may choose a password."
    )

    objects: ClassVar[PersonManager] = PersonManager()

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="accounts_user_role_known"),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        plain: str = super()._get_session_auth_hash(secret)  # type: ignore[misc]  # the stubs leave it out
        return f"{plain}:{self.access_epoch}" if self.access_epoch else plain

    @property
    def may_manage(self) -> bool:
        """Whether this person may create tests and be named as a manager of one."""
        return self.role in {Role.SUPERUSER, Role.MANAGER}


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, moment: dt.datetime) -> ApiTokenQuerySet:
        """Neither revoked nor expired, of a person who may still sign in."""
        alive = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=moment)
        return self.filter(alive, revoked_at__isnull=True, owner__is_active=True)

    def by_use(self, moment: dt.datetime) -> ApiTokenQuerySet:
        """Those that work come first, then the newest."""
        over = models.Q(revoked_at__isnull=False) | models.Q(expires_at__lte=moment)
        works = models.Case(models.When(over, then=1), default=0, output_field=models.IntegerField())
        return self.alias(is_over=works).order_by("is_over", "-id")


class ApiToken(models.Model):
    """A key for programs. It acts for its owner, within its scopes. Only a hash is kept; the token is shown once."""

    name = models.CharField(max_length=100)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12, help_text="The first characters, to tell tokens apart.")
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope))
    environment = models.CharField(max_length=16, choices=Environment, default=Environment.PRODUCTION)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=Scope.values), name="accounts_apitoken_scopes_known"
            ),
            models.CheckConstraint(
                condition=models.Q(scopes__len__gt=0), name="accounts_apitoken_scopes_some"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def is_for_browsers(self) -> bool:
        """Whether everybody may read it: in a page or an app nothing stays secret."""
        return set(self.scopes) <= SCOPES_FOR_BROWSERS


class KeptAnswer(models.Model):
    """What a request with an Idempotency-Key was answered; written in the transaction of its work, so that there are both or neither."""

    caller = models.CharField(max_length=32, help_text="token:<id> or person:<id>.")
    key = models.CharField(max_length=200)
    digest = models.CharField(
        max_length=64, help_text="Of method, address and body: what the key was used for."
    )
    status = models.PositiveSmallIntegerField(default=0, help_text="0 until the work is done.")
    body = models.TextField(default="", help_text="JSON; empty without a body.")
    location = models.CharField(max_length=500, default="")
    created_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="accounts_keptanswer_once")]

    def __str__(self) -> str:
        return f"{self.caller}: {self.key}"
