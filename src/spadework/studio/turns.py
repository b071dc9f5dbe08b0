"""Turns: one computation at a time, the clients in turn, and nothing computed that nobody wants any more."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from spadework.studio.refusal import Refusal, refusal_of

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(eq=False)
class _Job:
    """A computation that waits for its turn."""

    work: Callable[[], Any]
    wanted: Callable[[], Awaitable[bool]] | None
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class NotWanted(Exception):
    """A computation was left out because its client has gone."""


class Turns:
    """Shares one model out. All methods belong to the event loop's thread; the work itself runs in one of its own.

    Each client has a queue. The model serves the queues in turn, one computation of each, so a client that asks much
    waits for itself. Clients in the background get a turn when nobody else waits.
    """

    def __init__(self, waiting: int = 16, clients: int = 256) -> None:
        self.waiting_per_client = waiting
        self.clients = clients
        """Clients that may wait at once."""
        self._queues: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._background: deque[_Job] = deque()
        self._work = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="studio-model")
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Computations that wait."""
        return sum(map(len, self._queues.values()))

    def ahead(self, client: str) -> int:
        """How many clients are served before this one; 0 for one that does not wait."""
        return list(self._queues).index(client) + 1 if client in self._queues else 0

    def start(self) -> None:
        """Begin to serve."""
        self._task = asyncio.create_task(self._serve())

    async def stop(self) -> None:
        """Serve nobody any more; what is being computed ends in its own time."""
        if self._task is not None:
            self._task.cancel()
        for job in [*self._background, *(job for queue in self._queues.values() for job in queue)]:
            job.done.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def take(
        self, client: str, work: Callable[[], Result], *, wanted: Callable[[], Awaitable[bool]] | None = None
    ) -> Result:
        """The result of `work`, computed when it is the client's turn.

        Whoever stops waiting takes the work back; so does `wanted` when it says, right before the work begins, that
        nobody wants it (raises NotWanted). Raises Refusal where too much waits already.
        """
        queue = self._queues.get(client)
        if queue is None and len(self._queues) >= self.clients:
            raise _busy("too many clients wait for the model")
        if queue is not None and len(queue) >= self.waiting_per_client:
            raise _busy(f"{len(queue)} requests of this client wait already")
        job = _Job(work, wanted)
        self._queues.setdefault(client, deque()).append(job)
        return await self._result(job)

    async def take_in_background(self, work: Callable[[], Result]) -> Result:
        """The result of `work`, computed when nobody else waits."""
        job = _Job(work, None)
        self._background.append(job)
        return await self._result(job)

    async def _result(self, job: _Job) -> Any:
        self._work.set()
        try:
            return await job.done
        finally:
            job.done.cancel()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            job = self._next()
            if job is None:
                self._work.clear()
            elif job.done.done():
                continue
            elif job.wanted is not None and not await job.wanted():
                _settle(job, error=NotWanted())
            else:
                try:
                    result = await loop.run_in_executor(self._thread, job.work)
                except (ValueError, Refusal) as error:
                    _settle(job, error=error)
                except Exception as error:
                    logger.exception("a computation failed")
                    _settle(job, error=refusal_of(error))
                else:
                    _settle(job, result)

    def _next(self) -> _Job | None:
        """The first job of the client whose turn it is; the client goes to the end of the row."""
        if not self._queues:
            return self._background.popleft() if self._background else None
        client, queue = self._queues.popitem(last=False)
        job = queue.popleft()
        if queue:
            self._queues[client] = queue
        return job


def _settle(job: _Job, result: Any = None, error: Exception | None = None) -> None:
    if job.done.done():
        return
    if error is None:
        job.done.set_result(result)
    else:
        job.done.set_exception(error)


def _busy(message: str) -> Refusal:
    return Refusal(429, "busy", message, "wait for answers before asking more", {"Retry-After": "1"})
