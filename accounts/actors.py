"""Who does something: a person, or a part of the product itself. Every service asks for one."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import Role, User


@dataclass(frozen=True, slots=True)
class Actor:
    """`user` is None for machines. Machines are trusted: the part of the product that runs them checked already."""

    name: str
    user: User | None = None

    @classmethod
    def person(cls, user: User) -> Actor:
        return cls(name=str(user), user=user)

    @classmethod
    def machine(cls, name: str) -> Actor:
        return cls(name=name)

    @property
    def is_machine(self) -> bool:
        return self.user is None

    @property
    def role(self) -> Role | None:
        return Role(self.user.role) if self.user else None

    @property
    def is_superuser(self) -> bool:
        return self.role == Role.SUPERUSER
