"""Hostile requests: each gets a refusal or an answer, none an error of the server's; nothing on disk is touched."""

from __future__ import annotations

import os
import random
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from spadework.studio.limits import Limits
from tests.studio.hostile import mutated, own_list, raw_requests, send_raw
from tests.studio.served import InThread, Served, ids, png, text

MIB = 1024**2


def tree(*folders: Path) -> dict[str, tuple[int, int]]:
    """Every file below some folders: size and time of change."""
    found = {}
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                stat = os.lstat(os.path.join(root, name))
                found[os.path.join(root, name)] = stat.st_size, stat.st_mtime_ns
    return found


@pytest.fixture
def guarded(served: Served, model: Path) -> Iterator[Served]:
    """The studio, whose folder and whose model's are watched: after the test both are as before, and it lives."""
    cwd = Path(psutil.Process(served.process.pid).cwd())
    (cwd / "bait.txt").write_text("do not touch")
    before = tree(cwd, model)
    yield served
    assert served.alive and tree(cwd, model) == before
    assert served.post("/v1/generate", {"label_map": text(png(ids()))}).status == 200
    assert not [line for line in served.said if "Traceback" in line], "".join(served.said)


def test_what_is_known_to_hurt(guarded: Served) -> None:
    statuses: Counter[int] = Counter()
    for request in own_list():
        status = request.send(guarded)
        assert status < 500, (request.method, request.path, request.heads, request.body[:300], status)
        statuses[status] += 1
    assert sum(statuses.values()) >= 700 and statuses[200] < 0.2 * sum(statuses.values()), statuses


def damage(served: Served, seed: int, count: int) -> None:
    """`count` damaged requests."""
    draw = random.Random(seed)
    for number in range(count):
        request = mutated(draw)
        status = request.send(served)
        assert status < 500, (seed, number, request.method, request.path, request.heads, request.body[:300], status)


def test_good_requests_damaged_at_random(guarded: Served) -> None:
    damage(guarded, 0, 300)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 11))
def test_many_good_requests_damaged_at_random(guarded: Served, seed: int) -> None:
    damage(guarded, seed, 2000)


def test_what_is_hardly_http(guarded: Served) -> None:
    for content in raw_requests():
        answer = send_raw(guarded.port, content)
        assert not answer.startswith(b"HTTP/1.1 5"), (content[:100], answer[:300])
        assert guarded.alive


def test_oversized_bodies_however_they_come(model: Path) -> None:
    with InThread(model, Limits(max_request_bytes=MIB)) as served:
        large = b"x" * (2 * MIB)
        for heads in ({}, {"Content-Type": "application/json"}, {"Content-Type": "multipart/form-data; boundary=x"}):
            answer = served.ask("POST", "/v1/generate", large, heads)
            assert answer.status == 413 and "bytes at most" in answer.error["message"]
        chunked = b"POST /v1/label-map HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunked += b"".join(b"10000\r\n" + bytes(0x10000) + b"\r\n" for _ in range(40)) + b"0\r\n\r\n"
        assert b" 413 " in send_raw(served.port, chunked, patience=60)


def test_oversized_bodies_take_no_memory(served: Served) -> None:
    process = psutil.Process(served.process.pid)
    served.ask("POST", "/v1/generate", bytes(30 * MIB))
    before = process.memory_info().rss
    for _ in range(5):
        assert served.ask("POST", "/v1/generate", bytes(100 * MIB)).status == 413
    assert process.memory_info().rss < before + 60 * MIB


def test_too_fast_is_told(model: Path) -> None:
    with InThread(model, Limits(requests_per_second=0.5)) as served:
        answers = [served.get("/v1/model") for _ in range(10)]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused and answers[0].status == 200
    assert int(refused[0].heads["retry-after"]) >= 1 and refused[0].error["code"] == "too_fast"


def test_a_body_that_does_not_come_is_given_up(model: Path) -> None:
    stuck = b"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
    with InThread(model, Limits(patience=0.5)) as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
            connection.sendall(stuck)
            assert b" 408 " in connection.recv(4096)
        assert served.get("/v1/model").status == 200


def by_document(served: Served, examples: int) -> Counter[int]:
    """Requests that schemathesis makes from the document, fitting and not; the answers are those it promises."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis comes with the extra `dev`")
    statuses: Counter[int] = Counter()
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{served.port}/openapi.json")
    for found in schema.get_all_operations():
        operation = found.ok()
        takes_something = "parameters" in operation.definition.raw or "requestBody" in operation.definition.raw
        for mode in schemathesis.GenerationMode if takes_something else [schemathesis.GenerationMode.POSITIVE]:
            check_operation(operation, mode, examples, statuses)
    return statuses


def check_operation(operation: Any, mode: Any, examples: int, statuses: Counter[int]) -> None:
    """Requests to one address, all of them fitting the document or none; counts the answers' statuses."""
    promised = operation.definition.raw["responses"]

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        response = case.call()
        status = response.status_code
        statuses[status] += 1
        assert status < 500, (status, case.method, case.formatted_path, response.content[:500])
        assert str(status) in promised or status == 405, (status, case.method, case.formatted_path)
        if status >= 400:
            assert set(response.json()) == {"error"}

    check()


def test_requests_made_from_the_document(guarded: Served) -> None:
    statuses = by_document(guarded, 5)
    assert statuses[200] and statuses[422], statuses


@pytest.mark.soak
def test_many_requests_made_from_the_document(guarded: Served) -> None:
    statuses = by_document(guarded, 500)
    assert sum(statuses.values()) > 4000, statuses
