"""Two superusers at the same moment: one is always left, and a link is used up once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from accounts.actors import Actor
from accounts.models import Role, User
from accounts.password_links import link_token
from accounts.people import add_person, choose_password, make_link, switch_person, update_person
from core.errors import DomainError
from tests.conftest import People


def at_once(*works: Callable[[], object]) -> list[str]:
    """What became of each, all begun together: "done", or the title of the refusal."""
    ready = Barrier(len(works))

    def run(work: Callable[[], object]) -> str:
        ready.wait(30)
        try:
            work()
        except DomainError as refusal:
            return str(refusal.title)
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(works)) as pool:
        return sorted(pool.map(run, works))


def test_two_superusers_and_two_holders_of_a_link_at_the_same_moment(
    transactional_db: None, people: People
) -> None:
    User.objects.filter(pk=people.manager.pk).update(role=Role.SUPERUSER)
    sue, mia = (User.objects.get(pk=one.pk) for one in (people.superuser, people.manager))

    # Each takes the other's role away: both refusals and both successes would be wrong.
    def demote(who: User, whom: User) -> object:
        return update_person(
            Actor.person(who), whom.pk, revision=whom.revision, name="X", email="", role="viewer"
        )

    assert at_once(lambda: demote(sue, mia), lambda: demote(mia, sue)) == ["Not allowed", "done"]
    boss = Actor.person(User.objects.get(role=Role.SUPERUSER))

    # The same name, in whatever case, is given once.
    def add(name: str) -> object:
        return add_person(boss, username=name, name="Yuki", email="", role="viewer")

    assert at_once(lambda: add("yuki"), lambda: add("YUKI")) == [
        "Some of what was sent is not valid",
        "done",
    ]

    # One switches off what the other changes.
    def change() -> object:
        return update_person(boss, people.viewer.pk, revision=1, name="V", email="", role="qa")

    def switch() -> object:
        return switch_person(boss, people.viewer.pk, revision=1, is_active=False)

    assert at_once(change, switch) == ["Somebody else changed this in the meantime", "done"]

    # Two who hold the same link.
    token = link_token(make_link(boss, people.qa.pk, by_mail=False))
    passwords = ("correct horse battery", "another good staple")

    def choose(password: str) -> object:
        return choose_password(people.qa.pk, token, password)

    assert at_once(lambda: choose(passwords[0]), lambda: choose(passwords[1])) == [
        "Not possible in the present state",
        "done",
    ]
    assert sum(User.objects.get(pk=people.qa.pk).check_password(one) for one in passwords) == 1
