"""Turns: fair, one at a time, stale work left out, bounded."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from spadework.studio.refusal import Refusal
from spadework.studio.turns import NotWanted, Turns


def with_turns(test: Callable[[Turns], Awaitable[None]], **options: int) -> None:
    async def run() -> None:
        turns = Turns(**options)
        turns.start()
        try:
            await test(turns)
        finally:
            await turns.stop()

    asyncio.run(run())


def test_clients_take_turns() -> None:
    done: list[str] = []
    gate = threading.Event()

    async def test(turns: Turns) -> None:
        first = asyncio.create_task(turns.take("z", gate.wait))
        await asyncio.sleep(0.05)
        tasks = [
            asyncio.create_task(turns.take(client, lambda name=f"{client}{n}": done.append(name)))
            for client in "abc"
            for n in range(3)
        ]
        background = asyncio.create_task(turns.take_in_background(lambda: done.append("background")))
        await asyncio.sleep(0.05)
        assert turns.waiting == 9 and [turns.ahead(client) for client in "abcz"] == [1, 2, 3, 0]
        gate.set()
        await asyncio.gather(first, background, *tasks)

    with_turns(test)
    assert done == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2", "background"]


def test_one_at_a_time() -> None:
    at_once, most = 0, 0

    def work() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.005)
        at_once -= 1

    async def test(turns: Turns) -> None:
        await asyncio.gather(*(turns.take(str(n % 5), work) for n in range(20)))

    with_turns(test)
    assert most == 1


def test_what_nobody_wants_is_not_computed() -> None:
    done: list[str] = []
    gate = threading.Event()

    async def gone() -> bool:
        return False

    async def test(turns: Turns) -> None:
        first = asyncio.create_task(turns.take("z", gate.wait))
        await asyncio.sleep(0.05)
        given_up = asyncio.create_task(turns.take("a", lambda: done.append("given up")))
        left = asyncio.create_task(turns.take("b", lambda: done.append("left"), wanted=gone))
        stays = asyncio.create_task(turns.take("a", lambda: done.append("stays")))
        await asyncio.sleep(0.05)
        given_up.cancel()
        gate.set()
        await asyncio.gather(first, stays)
        with pytest.raises(NotWanted):
            await left

    with_turns(test)
    assert done == ["stays"]


def test_errors_go_to_those_who_asked_and_the_turns_go_on() -> None:
    def wrong() -> None:
        raise ValueError("wrong")

    def broken() -> None:
        raise RuntimeError("a secret")

    async def test(turns: Turns) -> None:
        with pytest.raises(ValueError, match="wrong"):
            await turns.take("a", wrong)
        with pytest.raises(Refusal) as refused:
            await turns.take("a", broken)
        assert refused.value.status == 500 and "secret" not in refused.value.message
        assert await turns.take("a", lambda: 3) == 3

    with_turns(test)


def test_waiting_is_bounded() -> None:
    gate = threading.Event()

    async def test(turns: Turns) -> None:
        first = asyncio.create_task(turns.take("z", gate.wait))
        await asyncio.sleep(0.05)
        tasks = [asyncio.create_task(turns.take("a", int)) for _ in range(2)]
        other = asyncio.create_task(turns.take("b", int))
        await asyncio.sleep(0.05)
        for client, words in (("a", "of this client"), ("c", "too many clients")):
            with pytest.raises(Refusal, match=words) as refused:
                await turns.take(client, int)
            assert refused.value.status == 429 and refused.value.heads["Retry-After"]
        gate.set()
        await asyncio.gather(first, other, *tasks)

    with_turns(test, waiting=2, clients=2)
