"""A request that is not granted: its HTTP status, what was wrong, and the cure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """Why a request gets no answer; becomes {"error": {"code", "message", "cure"}}."""

    def __init__(
        self, status: int, code: str, message: str, cure: str | None = None, heads: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        """One word for programs."""
        self.message = message
        self.cure = cure
        self.heads = dict(heads or {})
        """Further heads of the HTTP answer."""

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        message, cure = _sayable(self.message), None if self.cure is None else _sayable(self.cure)
        return {"error": {"code": self.code, "message": message, "cure": cure}}


def _sayable(text: str) -> str:
    """What was sent may hold halves of characters, which UTF-8 has no bytes for."""
    return text.encode("utf-8", "replace").decode()


def refusal_of(error: BaseException) -> Refusal:
    """What a client is told about an error: the library's own words for wrong input, else no more than its kind."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ValueError):
        return Refusal(422, "wrong_input", str(error))
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return Refusal(507, "out_of_memory", "there is not enough memory for this picture", "send a smaller label map")
    return Refusal(
        500, "failed", f"the model failed on this request ({type(error).__name__}); the studio goes on",
        "the terminal in which it was started says more",
    )
