"""Errors a person or a program can act on. Services raise them; views and the API translate them once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with what was sent: `path` names it (`variants[1].percent`), `message` says what would be right."""

    path: str
    message: str


class DomainError(Exception):
    """Base of all refusals. `status` is the HTTP status the API answers with."""

    code: ClassVar[str] = "refused"
    title: ClassVar[StrOrPromise] = _("Refused")
    status: ClassVar[int] = 400

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(DomainError):
    """What was sent cannot be saved; `errors` names every field or path, nothing was saved."""

    code = "invalid_input"
    title: ClassVar[StrOrPromise] = _("Some of what was sent is not valid")
    status = 400

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in self.errors))

    @classmethod
    def at(cls, path: str, message: str) -> InvalidInput:
        return cls([FieldError(path, message)])


class Conflict(DomainError):
    """The request makes sense, but not in the state things are in. Nothing was changed."""

    code = "conflict"
    title: ClassVar[StrOrPromise] = _("Not possible in the present state")
    status = 409


class StaleTransition(Conflict):
    """Somebody else was faster: the state on which the request was based is gone."""

    code = "stale"
    title: ClassVar[StrOrPromise] = _("Somebody else changed this in the meantime")


class NotAllowed(DomainError):
    """This person or token may not do that."""

    code = "not_allowed"
    title: ClassVar[StrOrPromise] = _("Not allowed")
    status = 403


class NotFound(DomainError):
    """There is no such thing, or not for this person."""

    code = "not_found"
    title: ClassVar[StrOrPromise] = _("Not found")
    status = 404
