"""Who may come in: hosts, origins, tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spadework.studio.admission import Admission
from spadework.studio.refusal import Refusal
from tests.studio.served import InThread, Served, ids, live_map, picture_of

pytest.importorskip("websockets")
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

TOKEN = "a-token-of-tests"


@pytest.mark.parametrize("host", ["localhost:8200", "127.0.0.1", "[::1]:8200", "LOCALHOST:1", "127.0.0.1:9"])
def test_names_of_this_machine(host: str) -> None:
    Admission.to("127.0.0.1").check_place("GET", "/v1/model", {"host": host})


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "127.0.0.1.evil.example", "localhost.", "192.168.1.5:8200", "[::1", "a@localhost@b", "0x7f.1"],
)
def test_other_names_are_rebinding(host: str) -> None:
    with pytest.raises(Refusal, match="is not called"):
        Admission.to("127.0.0.1").check_place("GET", "/", {"host": host})


def test_any_address_will_do_where_all_networks_may_come() -> None:
    admission = Admission.to("0.0.0.0", token=TOKEN, url="https://studio.example.org")
    for host in ("192.168.1.5:8200", "[fe80::1]:8200", "studio.example.org", "localhost"):
        admission.check_place("GET", "/", {"host": host})
    with pytest.raises(Refusal):
        admission.check_place("GET", "/", {"host": "evil.example"})
    assert admission.secure


@pytest.mark.parametrize(
    ("method", "path", "heads", "fine"),
    [
        ("POST", "/v1/generate", {"origin": "http://localhost:8200"}, True),
        ("POST", "/v1/generate", {"origin": "http://localhost:8201"}, False),
        ("POST", "/v1/generate", {"origin": "null"}, False),
        ("POST", "/v1/generate", {"origin": "http://["}, False),
        ("POST", "/v1/generate", {}, True),
        ("GET", "/v1/model", {"sec-fetch-site": "cross-site"}, False),
        ("GET", "/v1/model", {"sec-fetch-site": "same-origin"}, True),
        ("GET", "/", {"sec-fetch-site": "cross-site"}, True),
        ("POST", "/", {"sec-fetch-site": "cross-site"}, False),
    ],
)
def test_pages_of_other_sites(method: str, path: str, heads: dict[str, str], fine: bool) -> None:
    admission = Admission.to("127.0.0.1")
    heads = {"host": "localhost:8200", **heads}
    if fine:
        admission.check_place(method, path, heads)
    else:
        with pytest.raises(Refusal, match="page"):
            admission.check_place(method, path, heads)


def test_short_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="8 or more"):
        Admission.to("127.0.0.1", token="abc")


def test_two_studios_do_not_share_a_cookie() -> None:
    assert Admission.to("localhost", token="12345678").cookie != Admission.to("localhost", token="87654321").cookie
    assert TOKEN not in Admission.to("localhost", token=TOKEN).cookie_value


def test_over_the_wire(served: Served) -> None:
    assert served.get("/v1/model", Host="evil.example").error["code"] == "wrong_host"
    assert served.post("/v1/generate", {}, Origin="http://evil.example").error["code"] == "wrong_origin"
    assert served.post("/v1/why", {}, Origin=f"http://127.0.0.1:{served.port}").error["code"] == "wrong_request"
    assert served.ask("OPTIONS", "/v1/generate", heads={"Origin": "http://evil.example"}).status == 403
    for answer in (served.get("/"), served.get("/nowhere"), served.get("/v1/model", Host="evil.example")):
        assert answer.heads["x-content-type-options"] == "nosniff" and "content-security-policy" in answer.heads
        assert "access-control-allow-origin" not in answer.heads


def test_a_token_is_needed_and_kept_in_a_cookie(model: Path) -> None:
    with InThread(model, token=TOKEN) as served:
        for path in ("/", "/v1/model", "/static/icon.svg", "/openapi.json", "/v1/model?token=wrong-wrong"):
            refused = served.get(path)
            assert refused.status == 401 and refused.heads["www-authenticate"] == "Bearer"
        assert served.get("/v1/model", Authorization=f"Bearer {TOKEN}").status == 200
        assert served.get("/v1/model", Authorization=f"Bearer {TOKEN}x").status == 401

        welcome = served.get(f"/?token={TOKEN}")
        assert welcome.status == 303 and welcome.heads["location"] == "/"
        cookie = welcome.heads["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and TOKEN not in cookie
        name = cookie.partition(";")[0]
        assert served.get("/v1/model", Cookie=name).status == 200
        assert served.get("/v1/model", Cookie=f"{name}0").status == 401

        with pytest.raises(InvalidStatus) as refusal:
            connect(served.live)
        assert refusal.value.response.status_code == 401
        with connect(served.live, additional_headers={"Cookie": name}) as connection:
            connection.send(live_map(ids()))
            picture_of(connection.recv(60))
        with connect(f"{served.live}?token={TOKEN}") as connection:
            connection.send(json.dumps({"type": "preview"}))

