"""Who may come in: the right host, no other site's page, and a token where others than this machine can reach us.

A page somewhere in the web can make a browser on this machine send requests to 127.0.0.1. It cannot choose their Host
and Origin heads freely, though: under DNS rebinding Host holds the page's own name, and from across sites Origin does.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from spadework.studio.refusal import Refusal
from spadework.web_server import is_loopback

LOCAL = ("localhost", "127.0.0.1", "::1")
SHORTEST_TOKEN = 8
SAFE = ("GET", "HEAD")


@dataclass(frozen=True)
class Admission:
    """The rules of one server."""

    hosts: frozenset[str]
    """Names by which it may be addressed, without port."""
    any_address: bool = False
    """Whether any IP address will do as a name: there is no rebinding with those."""
    token: str | None = None
    """What everybody must show, if anything."""
    secure: bool = False
    """Whether browsers come by https."""

    def __post_init__(self) -> None:
        if self.token is not None and not (len(self.token) >= SHORTEST_TOKEN and self.token.isascii()):
            raise ValueError(f"--token: expected {SHORTEST_TOKEN} or more ASCII characters, so that nobody guesses it")

    @classmethod
    def to(cls, host: str, *, token: str | None = None, url: str | None = None) -> Admission:
        """The rules for a server that listens at `host`, and is known to people as `url`."""
        names = {*LOCAL, host.lower()}
        if url is not None:
            names.add((urlsplit(url).hostname or "").lower())
        elsewhere = not is_loopback(host)
        if elsewhere:
            names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        secure = url is not None and url.startswith("https:")
        return cls(frozenset(names), any_address=elsewhere, token=token, secure=secure)

    @property
    def cookie(self) -> str:
        """The cookie's name: several studios on one machine don't share theirs."""
        return f"spadework-studio-{self.cookie_value[:8]}"

    @property
    def cookie_value(self) -> str:
        """What stands for the token in the cookie."""
        return hashlib.sha256(f"spadework studio {self.token}".encode()).hexdigest()

    def check_place(self, method: str, path: str, heads: Mapping[str, str]) -> None:
        """Raise Refusal for a request that came by another name, or from another site's page."""
        host = heads.get("host", "")
        if not self._is_ours(host):
            raise Refusal(
                403, "wrong_host", f"this studio is not called {_shown(host)!r}", "open the address that it printed"
            )
        origin = heads.get("origin")
        if origin is not None and _netloc(origin) != host.lower():
            raise Refusal(
                403, "wrong_origin", f"a page of {_shown(origin)!r} asked, which is not the studio's own",
                "programs send no Origin head; pages are the studio's own",
            )
        site = heads.get("sec-fetch-site", "none")
        if origin is None and site not in ("none", "same-origin") and (path.startswith("/v1") or method not in SAFE):
            raise Refusal(403, "wrong_origin", "another site's page asked", "open the studio's own address")

    def check_token(self, heads: Mapping[str, str], cookies: Mapping[str, str], asked: str | None) -> bool:
        """Whether the token came in the address (then it belongs into a cookie); raises Refusal where it is missing."""
        if self.token is None:
            return False
        if hmac.compare_digest(cookies.get(self.cookie, "").encode(), self.cookie_value.encode()):
            return False
        scheme, _, bearer = heads.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(bearer.strip()):
            return False
        if asked is not None and self._is_token(asked):
            return True
        raise Refusal(
            401, "token_needed", "this studio wants its token",
            "open the address that it printed, with ?token=..., or send the head Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), (self.token or "").encode())

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self.hosts or (self.any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _netloc(origin: str) -> str | None:
    """Host and port of an Origin head."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _shown(head: str) -> str:
    """A head as far as messages show it."""
    return head[:200]
