"""Variants that are coroutine functions: awaited by the run, the hit logged when the awaiting begins."""

import asyncio
import inspect
from typing import Any

import pytest

from usersplit_sdk import Client, RecordingHits, User
from usersplit_sdk.split_tests import MultiTest, ParamTest, Run, SplitTest, per_call, variant

FAST, SLOW, OUTSIDE = User("1", 1), User("2", 2), User("3", 3)


class SearchTest(SplitTest):
    key = "search"

    @variant
    async def fast(self, words: str) -> str:
        await asyncio.sleep(0)
        if words == "broken":
            raise LookupError(words)
        return f"fast {words}"

    @variant
    def slow(self, words: str) -> str:
        return f"slow {words}"


class Plain(SplitTest):
    key = "search"

    @variant
    def fast(self, words: str) -> str:
        return f"plain {words}"


def client_of() -> tuple[Client, RecordingHits]:
    sink = RecordingHits()
    file = {"format": 1, "kind": "test", "key": "search", "status": "running", "side": "server"}
    variants = [{"name": "fast", "split_groups": [[1, 1]]}, {"name": "slow", "split_groups": [[2, 2]]}]
    document = {**file, "settings_group": 1, "conditions": [], "variants": variants}
    return Client.from_documents([document], hits=sink), sink


@pytest.mark.parametrize(("user", "answer"), [(FAST, "fast tea"), (SLOW, "slow tea"), (OUTSIDE, None)])
def test_the_run_is_awaited_whichever_variant_it_is(user: User, answer: str | None) -> None:
    client, sink = client_of()

    async def search() -> list[Any]:
        answers = []
        async with SearchTest(client, user) as run:
            answers.append(await run("tea"))
            answers.append(await run(words="tea"))
        with SearchTest(client, user) as run:
            answers.append(await run("tea"))
        return answers

    assert asyncio.run(search()) == [answer] * 3
    assert {hit.variant for hit in sink.hits} == ({answer.split()[0]} if answer else set())


def test_async_with_makes_a_run_of_plain_methods_one_to_await() -> None:
    client, _ = client_of()

    async def search() -> list[Any]:
        async with Plain(client, FAST) as first, Plain(client, OUTSIDE) as second:
            return [await first("tea"), await second("tea")]

    assert asyncio.run(search()) == ["plain tea", None]
    with Plain(client, FAST) as run:
        assert run("tea") == "plain tea"


def test_the_hit_is_logged_when_the_awaiting_begins_and_once() -> None:
    client, sink = client_of()

    async def search() -> None:
        async with SearchTest(client, FAST) as run:
            coroutine = run("tea")
            assert sink.hits == []
            await asyncio.gather(coroutine, run("milk"))

    asyncio.run(search())
    assert [hit.variant for hit in sink.hits] == ["fast"]


def test_what_a_variant_raises_goes_through_and_was_shown() -> None:
    client, sink = client_of()

    async def search() -> None:
        async with SearchTest(client, FAST) as run:
            await run("broken")

    with pytest.raises(LookupError, match="broken"):
        asyncio.run(search())
    assert len(sink.hits) == 1


def test_a_variant_that_is_cancelled_was_shown() -> None:
    client, sink = client_of()

    class Endless(SplitTest):
        key = "search"

        @variant
        async def fast(self, began: asyncio.Event) -> None:
            began.set()
            await asyncio.Event().wait()

    async def cancel() -> None:
        began = asyncio.Event()
        async with Endless(client, FAST) as run:
            task = asyncio.create_task(run(began))
            await began.wait()
            task.cancel()
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    assert len(sink.hits) == 1


def test_an_async_default_makes_the_run_one_to_await() -> None:
    client, sink = client_of()

    class WithDefault(Plain):
        async def default(self, words: str) -> str:
            return f"default {words}"

    async def search(user: User) -> Any:
        with WithDefault(client, user) as run:
            return await run("tea")

    assert [asyncio.run(search(user)) for user in (FAST, OUTSIDE)] == ["plain tea", "default tea"]
    assert len(sink.hits) == 1


def test_async_parameters() -> None:
    class Sizes(ParamTest):
        key = "sizes"
        params = ({"size": 12},)

        async def run(self, unit: str) -> str:
            return f"{self.param['size']} {unit}"

    async def size() -> Any:
        async with Sizes(user=User("1")) as run:
            return await run("pt")

    assert asyncio.run(size()) == "12 pt"


def test_one_async_test_among_several_makes_the_run_one_to_await() -> None:
    client, _ = client_of()
    other = type("Other", (Plain,), {"key": "never_delivered"})

    async def search(tests: list[type[SplitTest]], user: User) -> Any:
        with MultiTest(tests, client, user) as run:
            return await run("tea")

    assert asyncio.run(search([SearchTest, other], SLOW)) == "slow tea"
    assert asyncio.run(search([SearchTest, other], OUTSIDE)) is None

    async def chosen_is_plain() -> Any:
        with MultiTest([SearchTest, other], user=FAST, weights={SearchTest: 0}) as run:
            return await run("tea")

    assert asyncio.run(chosen_is_plain()) == "plain tea"

    async def plain() -> Any:
        async with MultiTest([Plain], client, FAST) as run:
            return await run("tea")

    assert asyncio.run(plain()) == "plain tea"


def test_coroutine_functions_are_decorated_as_such() -> None:
    client, sink = client_of()

    @per_call(lambda user, words: SearchTest(client, user))
    async def search(run: Run[SearchTest], user: User, words: str) -> tuple[str | None, Any]:
        return run.variant, await run(words)

    @SearchTest(client, FAST)
    async def fixed(run: Run[SearchTest]) -> Any:
        return await run("tea")

    async def together() -> list[Any]:
        answers: list[Any] = await asyncio.gather(
            search(FAST, "tea"), search(SLOW, "tea"), search(OUTSIDE, "tea"), fixed()
        )
        return answers

    assert inspect.iscoroutinefunction(search)
    assert list(inspect.signature(search).parameters) == ["user", "words"]
    assert asyncio.run(together()) == [("fast", "fast tea"), ("slow", "slow tea"), (None, None), "fast tea"]
    assert [hit.variant for hit in sink.hits].count("slow") == 1
