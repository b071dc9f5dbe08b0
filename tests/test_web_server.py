"""Addresses: what a browser is told, and who can read along."""

from __future__ import annotations

import socket

import pytest

from spadework.web_server import address, is_loopback, is_private, listen


def test_what_a_browser_is_told() -> None:
    assert address("127.0.0.1", 8100) == "http://127.0.0.1:8100"
    assert address("::1", 8100) == "http://[::1]:8100"
    for everything in ("0.0.0.0", "::"):  # no browser gets there by these
        assert address(everything, 8100) == f"http://{socket.gethostname()}:8100"


def test_who_can_read_along() -> None:
    assert is_private("http://localhost:8100") and is_private("https://studio.example.org")
    assert not is_private("http://192.168.0.7:8100")
    assert is_loopback("127.0.0.9") and not is_loopback("example.org")


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ValueError, match=r"cannot listen at 127\.0\.0\.1, port \d+"):
        listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(ValueError, match="--port 70000: expected 0 to 65535"):
        listen("127.0.0.1", 70000)
