"""How messages of a live connection are written: JSON alone, or with pixels behind it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from spadework.studio.messages import MapMessage, PreviewMessage, StyleMessage, what_is_wrong
from spadework.studio.refusal import Refusal

Message = MapMessage | StyleMessage | PreviewMessage
MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def framed(header: dict[str, Any], content: bytes) -> bytes:
    """A binary message: the length of the JSON in 4 bytes, little-endian, the JSON, the content."""
    head = json.dumps(header).encode()
    return len(head).to_bytes(4, "little") + head + content


def parsed(text: str | None, content: bytes | None) -> tuple[Any, bytes | None]:
    """The JSON of a message; binary messages may carry pixels behind it, as pictures are sent to clients."""
    pixels = None
    if content is not None:
        length = int.from_bytes(content[:4], "little")
        if content[4:5] == b"{" and 4 + length <= len(content):
            pixels, content = content[4 + length :], content[4 : 4 + length]
    try:
        return json.loads(text if text is not None else content or b""), pixels
    except (ValueError, RecursionError) as error:
        raise Refusal(422, "not_json", f"the message is no JSON ({error})", "see the studio's API document") from None


def sequence_of(head: Any) -> int:
    """The number of a message, also of one that makes no sense otherwise; 0 where it has none."""
    sequence = head.get("sequence") if isinstance(head, dict) else None
    return sequence if isinstance(sequence, int) and not isinstance(sequence, bool) and 0 <= sequence < 2**53 else 0


def validated(head: Any) -> Message:
    """The message; raises Refusal."""
    try:
        return MESSAGE.validate_python(head)
    except ValidationError as error:
        raise Refusal(422, "wrong_message", what_is_wrong(error.errors()), "see the studio's API document") from None
