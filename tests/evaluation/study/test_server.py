"""The server: what it hands out and keeps, and that garbage never gets more than a refusal."""

from __future__ import annotations

import io
import json
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.evaluation.study.plan import Study
from spadework.evaluation.study.store import Store
from tests.evaluation.study.made import small_study

pytest.importorskip("fastapi", reason="FastAPI is not installed here; it comes with the extra `studio`")
from fastapi.testclient import TestClient

from spadework.evaluation.study.guard import LARGEST
from spadework.evaluation.study.server import COOKIE, make_app


class Served:
    """A study and somebody who speaks to its server."""

    def __init__(self, folder: Path, **options: bool) -> None:
        self.folder = folder
        self.study = Study.read(folder)
        self.store = Store(folder, self.study)
        self.client = TestClient(make_app(folder, self.study, self.store, **options), follow_redirects=False)

    def join(self) -> str:
        """The address of a new worker's interface."""
        answer = self.client.post("/api/join", json={})
        assert answer.status_code == 200
        return f"/api/workers/{answer.json()['token']}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_study(
        tmp_path_factory.mktemp("served"), questions=5, answers=2, checks=0.2, contact="jane@example.org"
    )


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    for path in folder.glob("votes.sqlite*"):
        path.unlink()
    served = Served(folder)
    yield served
    served.store.close()


def test_a_worker_answers_everything(served: Served) -> None:
    worker = served.join()
    state = served.client.post(f"{worker}/questions", json={}).json()
    assert state["answered"] == 0 and state["total"] == 6 and state["contact"] == "jane@example.org"
    for place in range(1, 7):
        asked = state["upcoming"][0]
        answer = {"question": asked["question"], "side": "AB"[place % 2], "milliseconds": 800 + place}
        reply = served.client.post(f"{worker}/votes", json=answer)
        assert reply.status_code == 200
        state = reply.json()
        assert state["vote"] == {"position": place, "side": answer["side"], "new": True} and state["answered"] == place
        looked_back = served.client.get(f"{worker}/votes/{place}").json()
        assert looked_back["question"] == asked["question"] and looked_back["side"] == answer["side"]
    assert state["upcoming"] == [] and state["code"] == served.store.workers()[0].code
    assert [vote.milliseconds for vote in served.store.votes()] == [801, 802, 803, 804, 805, 806]


def test_the_code_comes_at_the_end_only(served: Served) -> None:
    worker = served.join()
    state = served.client.post(f"{worker}/questions", json={}).json()
    assert state["code"] is None and "code" not in served.client.get(worker).json()


def test_a_vote_sent_twice_counts_once(served: Served) -> None:
    worker = served.join()
    asked = served.client.post(f"{worker}/questions", json={}).json()["upcoming"][0]
    first = served.client.post(f"{worker}/votes", json={"question": asked["question"], "side": "A"}).json()
    again = served.client.post(f"{worker}/votes", json={"question": asked["question"], "side": "B"}).json()
    assert first["vote"]["new"] and again["vote"] == {"position": 1, "side": "A", "new": False}
    assert again["upcoming"] == first["upcoming"] and len(served.store.votes()) == 1


def test_pictures_stand_where_they_are_said_to(served: Served) -> None:
    worker = served.join()
    (number,) = {1}
    for asked in served.client.post(f"{worker}/questions", json={}).json()["upcoming"]:
        question = asked["question"]
        ours = served.store.assignment.ours(number, question)
        for place, kind in (("layout", "layout"), (ours, "ours"), ("AB"[ours == "A"], "theirs")):
            answer = served.client.get(asked[place])
            shown = np.asarray(Image.open(io.BytesIO(answer.content)))
            kept = np.asarray(Image.open(Study.picture(served.folder, question, kind)))  # type: ignore[arg-type]
            assert answer.headers["content-type"] == "image/png" and np.array_equal(shown, kept)


def test_nothing_that_the_browser_gets_tells_the_system(served: Served) -> None:
    worker = served.join()
    reply = served.client.post(f"{worker}/questions", json={})
    assert not {"ours", "theirs", "poor", "competitor", "check"} & set(reply.text.replace('"', " ").split())
    for asked in reply.json()["upcoming"]:
        assert set(asked) == {"question", "layout", "A", "B", "legend"}
        heads = [served.client.get(asked[side]).headers for side in "AB"]
        for name in set(heads[0]) | set(heads[1]):
            assert heads[0].get(name) == heads[1].get(name) or name == "content-length", name


def test_pictures_and_answers_of_others_are_not_shown(served: Served) -> None:
    worker, other = served.join(), served.join()
    asked = served.client.post(f"{worker}/questions", json={}).json()["upcoming"]
    given = {one["question"] for one in asked}
    for number in range(-2, 9):
        status = served.client.get(f"{worker}/questions/{number}/A").status_code
        assert status == (200 if number in given else 422 if number < 0 else 404)
        assert served.client.get(f"{other}/questions/{number}/A").status_code in (404, 422)
    vote = {"question": asked[0]["question"], "side": "A"}
    assert served.client.post(f"{other}/votes", json=vote).status_code == 409
    assert served.client.get(f"{other}/votes/1").status_code == 404 and not served.store.votes()


def test_the_open_link_and_its_cookie(served: Served) -> None:
    client = served.client
    assert client.get("/").status_code == 200 and client.get("/api/study").json()["open"]
    worker = served.join()
    token = worker.rsplit("/", 1)[1]
    assert client.cookies[COOKIE] == token
    assert client.get("/").headers["location"] == f"/w/{token}"
    client.cookies.clear()
    client.cookies.set(COOKIE, "nobody's")
    assert client.get("/").status_code == 200


def test_a_name_from_another_platform_is_one_worker(served: Served) -> None:
    tokens = {served.client.post("/api/join", json={"name": "5f3a.P-1"}).json()["token"] for _ in range(3)}
    assert len(tokens) == 1 and [worker.name for worker in served.store.workers()] == ["5f3a.P-1"]
    assert served.client.get("/?id=5f3a.P-1").status_code == 200  # No way round the name by an older cookie.
    for name in ("", "=1+1", "a b", "x" * 65, "ä", "<b>", "a\n"):
        assert served.client.post("/api/join", json={"name": name}).status_code == 422, name
    assert len(served.store.workers()) == 1


def test_personal_links_only(folder: Path) -> None:
    served = Served(folder, open_link=False)
    assert not served.client.get("/api/study").json()["open"]
    assert served.client.post("/api/join", json={}).status_code == 403
    (worker,) = served.store.personal(1)[:1]
    assert served.client.get(f"/w/{worker.token}").status_code == 200
    assert served.client.get(f"/w/{worker.token}x").status_code == 404


def test_the_page_loads_nothing_from_elsewhere(served: Served) -> None:
    page = served.client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer" and page.headers["x-content-type-options"] == "nosniff"
    static = Path(__file__).parents[3] / "src/spadework/evaluation/study/static"
    for path in static.iterdir():
        assert served.client.get(f"/static/{path.name}").status_code == 200
        text = path.read_text()
        assert "https://" not in text and "http://" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static//etc/passwd",
        "/static/%00",
        "/w/../../study.json",
        "/w/%2e%2e%2f%2e%2e%2fvotes.sqlite",
        "/study.json",
        "/votes.sqlite",
        "/pictures/00000-ours.png",
        "/docs",
        "/openapi.json",
        "/api/workers/x/questions/0/A",
        "/api/workers/%27%20OR%201=1/votes/1",
        "/api/workers/" + "x" * 5000,
    ],
)
def test_no_way_to_other_files(served: Served, path: str) -> None:
    assert 400 <= served.client.get(path).status_code < 500
    assert 400 <= served.client.post(path, json={}).status_code < 500


def test_garbage_gets_a_refusal(served: Served) -> None:
    worker = served.join()
    (question, *_) = served.store.upcoming(1)
    good = {"question": question, "side": "A", "milliseconds": 5}
    bodies: list[bytes] = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"A"', b"[" * 4000, b"1e999", b'{"question": NaN}']
    for key, values in {
        "question": [-1, 2**31, 2**70, 1.5, "1", None, [], True, {}],
        "side": ["C", "a", "", 1, None, "ours", ["A"]],
        "milliseconds": [-1, 2**60, 1.5, "5", [], True],
        "more": [1],
    }.items():
        bodies += [json.dumps({**good, key: value}).encode() for value in values]
    for body in bodies:
        answer = served.client.post(f"{worker}/votes", content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, body
    assert not served.store.votes()


def test_large_bodies_are_refused_however_they_come(served: Served) -> None:
    worker = served.join()
    large = b"{" + b" " * LARGEST + b"}"
    assert served.client.post(f"{worker}/votes", content=large).status_code == 413
    assert served.client.post("/api/join", content=iter([large[:3000], large[3000:]])).status_code == 413
    assert served.client.post("/api/join", headers={"Content-Length": "1" * 400}).status_code == 413


def test_random_requests_never_break_it(served: Served) -> None:
    worker = served.join()
    served.store.upcoming(1)
    draw = random.Random(0)
    pieces = [
        "api",
        "workers",
        worker[13:],
        "votes",
        "questions",
        "A",
        "layout",
        "0",
        "-1",
        "9" * 30,
        "%ff",
        "w",
        "static",
        "é",
    ]
    for _ in range(300):
        path = "/" + "/".join(draw.choices(pieces, k=draw.randint(0, 6)))
        body = draw.choice([b"", b"{}", draw.randbytes(40), b'{"question": 0, "side": "A"}'])
        method = draw.choice(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
        answer = served.client.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, (method, path, body)


def test_times_of_days_are_left_out(served: Served) -> None:
    worker = served.join()
    asked = served.client.post(f"{worker}/questions", json={}).json()["upcoming"][0]["question"]
    vote = {"question": asked, "side": "A", "milliseconds": 10**10}
    assert served.client.post(f"{worker}/votes", json=vote).status_code == 200
    assert served.store.votes()[0].milliseconds is None


def test_a_disk_that_cannot_write_is_no_lost_vote(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = served.join()
    asked = served.client.post(f"{worker}/questions", json={}).json()["upcoming"][0]["question"]
    vote = {"question": asked, "side": "A", "milliseconds": None}

    def full(*arguments: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(served.store, "vote", full)
        answer = served.client.post(f"{worker}/votes", json=vote)
    assert answer.status_code == 503 and "disk is full" in answer.json()["detail"]
    assert served.client.post(f"{worker}/votes", json=vote).json()["vote"]["new"]
