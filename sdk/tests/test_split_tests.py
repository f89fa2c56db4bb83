"""Variants as code with a client: it decides, the variant's code runs, the hit tells that it ran."""

import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from usersplit_sdk import Client, Environment, Problem, RecordingHits, User
from usersplit_sdk.split_tests import Run, SplitTest, per_call, variant

CONTROL = User("1", 1)
LONG = User("2", 1300)
NEW = User("3", 2100)
OUTSIDE = User("4", 2400)
NOBODY_SPECIAL = {"user": {"is_vip": False}}


def document(**changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": "catalogue_delay",
        "status": "running",
        "side": "server",
        "settings_group": 4,
        "conditions": [],
        "control": "control",
        "variants": [
            {"name": "control", "split_groups": [[1, 1200]]},
            {"name": "long", "split_groups": [[1201, 2000]]},
            {"name": "newer_than_this_code", "split_groups": [[2001, 2200]]},
        ],
        **changes,
    }


class DelayTest(SplitTest):
    key = "catalogue_delay"

    def is_eligible(self) -> bool:
        return not self.context["user"]["is_vip"]

    @variant
    def control(self, page: str = "page") -> str:
        return f"{page} at once"

    @variant(name="long")
    def long_delay(self, page: str = "page") -> str:
        if page == "broken":
            raise LookupError(page)
        return f"{page} later, in {self.variant}"


class Shop:
    """A client of one test, the hits it logged and the problems it reported."""

    def __init__(self, **changes: Any) -> None:
        self.sink = RecordingHits()
        self.problems: list[Problem] = []
        self.client = Client.from_documents(
            [document(**changes)], hits=self.sink, on_error=self.problems.append
        )

    def test_for(
        self,
        user: User | None,
        context: Mapping[str, Any] = NOBODY_SPECIAL,
        request: Environment | None = None,
    ) -> DelayTest:
        return DelayTest(self.client, user, request, context=context)

    @property
    def shown(self) -> list[tuple[str | None, str]]:
        return [(hit.user_id, hit.variant) for hit in self.sink.hits]


@pytest.mark.parametrize(
    ("user", "name", "answer"), [(CONTROL, "control", "page at once"), (LONG, "long", "page later, in long")]
)
def test_the_code_of_the_users_variant_runs_and_its_answer_is_the_runs(
    user: User, name: str, answer: str
) -> None:
    with Shop().test_for(user) as run:
        assert (run.variant, run.is_eligible, run.key) == (name, True, "catalogue_delay")
        assert run() == answer
        assert run("list") == answer.replace("page", "list")
        assert run(page="list") == answer.replace("page", "list")


def test_the_hit_is_logged_when_the_variant_runs_and_once() -> None:
    shop = Shop()
    with shop.test_for(LONG, request=Environment(device_id="d")) as run:
        assert (shop.sink.hits, run.is_shown) == ([], False)
        run()
        run()
        assert run.is_shown
    [hit] = shop.sink.hits
    assert (hit.test, hit.variant, hit.settings_group) == ("catalogue_delay", "long", 4)
    assert (hit.user_id, hit.device_id, hit.split_group) == ("2", "d", 1300)


def test_a_variant_that_does_not_run_has_no_hit() -> None:
    shop = Shop()
    with shop.test_for(LONG) as run:
        assert run.variant == "long"
    assert shop.sink.hits == []


def test_code_that_branches_by_itself_says_that_it_showed_the_variant() -> None:
    shop = Shop()
    with shop.test_for(LONG) as run:
        assert [run.log_hit(), run.log_hit()] == [True, False]
        run()
    assert shop.shown == [("2", "long")]
    with shop.test_for(OUTSIDE) as run:
        assert run.log_hit() is False
    assert len(shop.sink.hits) == 1


def test_what_a_variant_raises_goes_through_and_was_shown() -> None:
    shop = Shop()
    with pytest.raises(LookupError, match=r"^broken$"), shop.test_for(LONG) as run:
        run("broken")
    assert shop.shown == [("2", "long")]
    assert shop.problems == []


def test_outside_the_test_nothing_runs() -> None:
    shop = Shop()
    with shop.test_for(OUTSIDE) as run:
        assert (run.variant, run.is_eligible, run("page")) == (None, True, None)
    assert (shop.sink.hits, shop.problems) == ([], [])


def test_who_is_not_eligible_has_no_variant() -> None:
    shop = Shop()
    with shop.test_for(LONG, {"user": {"is_vip": True}}) as run:
        assert (run.variant, run.is_eligible, run()) == (None, False, None)
    assert shop.sink.hits == []


def test_an_exception_in_is_eligible_is_a_no_that_is_reported_once() -> None:
    shop = Shop()
    for number in range(3):
        with shop.test_for(LONG, {"user": {str(number): 0}}) as run:
            assert (run.variant, run.is_eligible, run()) == (None, False, None)
    [problem] = shop.problems
    assert problem.where == "catalogue_delay"
    assert problem.message.startswith("is_eligible raised KeyError at ")
    assert f"{__file__}:" in problem.message


@pytest.mark.parametrize("answer", [1, None, "yes"])
def test_an_answer_that_is_no_bool_is_a_no_that_is_reported_once(answer: Any) -> None:
    shop = Shop()

    class Loose(DelayTest):
        def is_eligible(self) -> bool:
            return answer  # type: ignore[no-any-return]

    for _ in range(2):
        with Loose(shop.client, LONG) as run:
            assert (run.variant, run.is_eligible) == (None, False)
    assert [problem.message for problem in shop.problems] == [
        f"is_eligible returned {type(answer).__name__}, not a bool: not eligible"
    ]


def test_a_variant_without_code_runs_nothing_logs_nothing_and_is_reported_once() -> None:
    shop = Shop()
    for _ in range(2):
        with shop.test_for(NEW) as run:
            assert (run.variant, run.is_eligible, run()) == (None, True, None)
    assert shop.sink.hits == []
    assert [str(problem) for problem in shop.problems] == [
        "catalogue_delay: no code for variant 'newer_than_this_code' in DelayTest, only for control, long"
    ]


@pytest.mark.parametrize("user", [OUTSIDE, NEW])
def test_default_runs_for_those_without_a_variant_and_logs_nothing(user: User) -> None:
    shop = Shop()

    class WithDefault(DelayTest):
        def default(self, page: str = "page") -> str:
            return f"{page} as ever, {self.variant}"

    with WithDefault(shop.client, user, context=NOBODY_SPECIAL) as run:
        assert run("list") == "list as ever, None"
        assert not run.is_shown
    with WithDefault(shop.client, LONG, context=NOBODY_SPECIAL) as run:
        assert run("list") == "list later, in long"
    assert shop.shown == [("2", "long")]


def test_within_a_run_the_variant_stays_whatever_the_client_learns() -> None:
    class Fickle:
        asked = 0

        def get_active_variant(self, key: str, *args: object, log_hit: bool = True) -> str:
            assert not log_hit
            self.asked += 1
            return "control" if self.asked == 1 else "long"

        def log_hit(self, key: str, variant: str, *args: object) -> bool:
            return True

        def report(self, where: str, message: str) -> None: ...

    test = DelayTest(Fickle(), LONG, context=NOBODY_SPECIAL)
    with test as run:
        assert [run(), run(), run.variant] == ["page at once", "page at once", "control"]
    with test as again:
        assert again is run
    with DelayTest(test.client, LONG, context=NOBODY_SPECIAL) as other:
        assert other.variant == "long"


def test_forced_users_and_guests_are_decided_by_the_client() -> None:
    shop = Shop(forced=[{"variant": "long", "user_id": "4", "environment": "production"}])
    with shop.test_for(OUTSIDE) as run:
        run()
    with shop.test_for(None, request=Environment(device_id="d", split_group=7)) as run:
        run()
    assert [(hit.variant, hit.forced, hit.device_id) for hit in shop.sink.hits] == [
        ("long", True, None),
        ("control", False, "d"),
    ]


def test_as_a_decorator_every_call_is_a_run_of_its_own() -> None:
    shop = Shop()
    test = shop.test_for(LONG)
    with test as entered:
        entered()

    @test
    def page(run: Run[DelayTest], title: str, *, ending: str = "") -> str:
        """A page."""
        assert not run.is_shown
        return f"{title}: {run()}{ending}"

    assert page("Nuts", ending="!") == "Nuts: page later, in long!"
    assert page("Nuts") == "Nuts: page later, in long"
    assert shop.shown[0] == ("2", "long")
    assert (page.__name__, page.__doc__) == ("page", "A page.")
    assert list(inspect.signature(page).parameters) == ["title", "ending"]


def test_per_call_finds_the_user_in_the_arguments_of_the_call() -> None:
    shop = Shop()

    @per_call(lambda user, page: shop.test_for(user))
    def show(run: Run[DelayTest], user: User, page: str) -> tuple[str | None, Any]:
        return run.variant, run(page)

    assert show(CONTROL, "a") == ("control", "a at once")
    assert show(LONG, page="b") == ("long", "b later, in long")
    assert show(OUTSIDE, "c") == (None, None)
    assert shop.shown == [("1", "control"), ("2", "long")]
    with pytest.raises(LookupError):
        show(LONG, "broken")
