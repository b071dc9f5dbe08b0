"""An address to serve at: listening, and what the address is called."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises ValueError for an address that cannot be had."""
    if not 0 <= port <= 65535:
        raise ValueError(f"--port {port}: expected 0 to 65535; 0 takes a free one")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"cannot listen at {host}, port {port}: {error}; stop what uses it, or choose another --port or --host"
        ) from None


def address(host: str, port: int) -> str:
    """What a browser is told: http://127.0.0.1:8100. All of a machine's addresses go by the machine's name."""
    host = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_private(url: str) -> bool:
    """Whether nobody on the way can read along: https, or this machine itself."""
    return url.startswith("https:") or is_loopback(urlsplit(url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
