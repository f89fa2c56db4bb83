"""The first person of an empty installation."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.models import User
from accounts.services import save_person
from usersplit.demo.people import FIRST_PERSON, new_password, write_logins


class Command(BaseCommand):
    help = "Make the superuser “admin” if nobody can administrate yet; the password goes to first_login.json."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(role=FIRST_PERSON.role, is_active=True).exists():
            self.stdout.write("There is a superuser already.")
            return
        password = new_password()
        login = {"username": FIRST_PERSON.username, "password": password}
        path = settings.VAR_DIR / "first_login.json"
        write_logins(path, {"url": settings.PUBLIC_URL, "logins": {FIRST_PERSON.role.value: login}})
        # The file first: killed in between, the next start makes both anew; the other way round nobody could ever sign in.
        save_person(FIRST_PERSON.username, FIRST_PERSON.role, password)
        self.stdout.write(f"Made the superuser {FIRST_PERSON.username}; the password is in {path}")
