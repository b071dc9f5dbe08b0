"""What one request, one client and all of them together may ask of the studio."""

from __future__ import annotations

from dataclasses import dataclass, fields

MIB = 1024**2


@dataclass(frozen=True)
class Limits:
    """Bounds that keep the studio quick and its memory flat."""

    max_pixels: int = 1024 * 1024
    """Pixels of a label map that is turned into a photo, and of the photo."""
    max_photo_pixels: int = 40_000_000
    """Pixels of a photo or label map that is uploaded; what is larger than needed is reduced."""
    max_request_bytes: int = 24 * MIB
    """Bytes of a request's body, and of one message of a live connection."""
    requests_per_second: float = 60.0
    """Requests from one address in the long run; a few seconds' worth may come at once."""
    messages_per_second: float = 240.0
    """Messages of one live connection; those above it wait."""
    connections: int = 48
    """Live connections at once."""
    waiting: int = 16
    """Requests of one client that wait for the model at once."""
    kept_pixels: int = 2 * 1024 * 1024
    """Pixels of label maps, over all clients, about which is kept what makes the next stroke quicker: some 400
    bytes each for the released generator."""
    patience: float = 30.0
    """Seconds that a client may take to send, or to accept, the next piece of what it sends or gets."""

    def check(self) -> None:
        """Raise ValueError for what makes no sense."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < float("inf"):
                raise ValueError(f"--{field.name.replace('_', '-')} {value}: expected more than 0")
