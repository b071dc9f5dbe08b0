"""Looking at many pairs, in several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TypeVar

from spadework.data.doctor.facts import PairFacts
from spadework.data.doctor.look import look
from spadework.data.ontology import Ontology
from spadework.data.pairs import Pair
from spadework.workers import leave_signals_to_the_parent

QUICK = 500
"""Pairs that the quick form looks at."""
CHUNK = 16
"""Pairs that a process looks at before it tells."""
FEW = 300
"""Fewer pairs are done sooner than other processes are started."""

Item = TypeVar("Item")

Progress = Callable[[int, int], None]
"""Told (pairs looked at, pairs to look at)."""


def evenly_spread(items: Sequence[Item], limit: int) -> list[Item]:
    """Up to `limit` of the items, from the first to the last."""
    number = min(limit, len(items))
    return [items[index * len(items) // number] for index in range(number)]


def look_at_all(
    pairs: list[tuple[str, Pair]], ontology: Ontology, workers: int = 0, progress: Progress | None = None
) -> Iterator[PairFacts]:
    """Facts of (group, pair) in their order."""
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    work = partial(_look_at_chunk, ontology=ontology)
    done = 0
    if workers < 2 or len(pairs) < FEW:
        for chunk in chunks:
            yield from work(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, len(pairs))
        return

    # New processes, not copies of this one: its threads would not survive being copied.
    context = multiprocessing.get_context("spawn")
    results: dict[int, list[PairFacts]] = {}
    with ProcessPoolExecutor(min(workers, len(chunks)), context, leave_signals_to_the_parent) as pool:
        futures = {pool.submit(work, chunk): number for number, chunk in enumerate(chunks)}
        try:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                done += len(results[futures[future]])
                if progress is not None:
                    progress(done, len(pairs))
        except BrokenProcessPool as error:
            raise OSError(f"a process that looks at files died ({error}); try with --workers 1") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for number in range(len(chunks)):
        yield from results[number]


def _look_at_chunk(pairs: list[tuple[str, Pair]], ontology: Ontology) -> list[PairFacts]:
    return [look(group, pair, ontology) for group, pair in pairs]
