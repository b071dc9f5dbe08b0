"""The live connection of somebody who paints: their strokes come in, photos go out, the newest state wins.

A client's state is one immutable snapshot, replaced by every message. Whatever is computed takes the snapshot that is
newest when its turn comes, so strokes that were overtaken are never computed, and a slow client waits for itself alone:
its next photo is begun when it has taken the one before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from torch import Tensor

from spadework.data.ontology import Ontology
from spadework.studio.framing import Message, framed, parsed, sequence_of, validated
from spadework.studio.limits import Limits
from spadework.studio.messages import MapMessage, PreviewMessage, StyleMessage
from spadework.studio.rate import Bucket
from spadework.studio.received import from_base64, picture_bytes
from spadework.studio.refusal import Refusal, refusal_of
from spadework.studio.shared_model import Made, SharedModel
from spadework.studio.style_choice import StyleChoice, read_style
from spadework.studio.turns import Turns
from spadework.systems.base import Style

BUSY_AFTER = 0.5
"""Seconds after which a client is told that it waits for others."""
TOLERATED = 50
"""Messages that make no sense, in a row, before the connection is closed."""
TRY_LATER, POLICY = 1013, 1008
"""Codes of closed connections."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a client wants to see."""

    sequence: int
    """Number of the message that made it so."""
    ids: np.ndarray | None
    """[H, W] uint16, never changed in place."""
    style: StyleChoice
    preview: int | None
    """Longer side of previews; 0: none; None: as the server thinks best."""


class Live:
    """One connection."""

    def __init__(
        self, socket: WebSocket, client: str, model: SharedModel, turns: Turns, limits: Limits, ontology: Ontology
    ) -> None:
        self.socket, self.client, self.model, self.turns, self.limits = socket, client, model, turns, limits
        self.ontology = ontology
        self.state = Snapshot(0, None, read_style(None, limits.max_photo_pixels), None)
        self._shown: Snapshot | None = None
        self._tried = self.state  # What the latest turn was computed from; a newer state may have come since.
        self._changed = asyncio.Event()
        self._sending = asyncio.Lock()
        self._pace = Bucket(limits.messages_per_second, limits.messages_per_second)
        self._senseless = 0

    async def run(self) -> None:
        """Serve the connection until it ends."""
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._paint())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(Refusal, RuntimeError):
                await self.turns.take(self.client, lambda: self.model.forget(self.client))

    # What comes in.

    async def _listen(self) -> None:
        while True:
            while wait := self._pace.take():
                await asyncio.sleep(wait)
            message = await self.socket.receive()
            if message["type"] != "websocket.receive":
                return
            sequence = 0
            try:
                head, pixels = parsed(message.get("text"), message.get("bytes"))
                sequence = sequence_of(head)
                self.state = await self._after(validated(head), pixels)
                self._senseless = 0
                self._changed.set()
            except (Refusal, ValueError) as error:
                await self._tell(error, sequence)
                self._senseless += 1
                if self._senseless > TOLERATED:
                    await self.socket.close(POLICY, "too many messages that make no sense")
                    return

    async def _after(self, message: Message, pixels: bytes | None) -> Snapshot:
        """The state after a message; raises Refusal or ValueError and leaves the state as it was."""
        state = self.state
        if isinstance(message, PreviewMessage):
            return replace(state, preview=message.maximum_side)
        if isinstance(message, StyleMessage):
            style = await asyncio.to_thread(read_style, message.style, self.limits.max_photo_pixels)
            return replace(self.state, sequence=message.sequence, style=style)
        content = pixels if pixels is not None else from_base64(message.label_map or "", "label_map")
        return replace(state, sequence=message.sequence, ids=self._painted(state.ids, message, content))

    def _painted(self, before: np.ndarray | None, message: MapMessage, content: bytes) -> np.ndarray:
        """The ids after a rectangle was painted."""
        (height, width), (x, y, w, h) = message.size, message.rect
        if height * width > self.limits.max_pixels:
            most = self.limits.max_pixels
            raise Refusal(413, "too_many_pixels", f"{width}x{height} pixels, {most} are allowed", "paint smaller")
        if x + w > width or y + h > height:
            raise ValueError(f"the rectangle {x},{y} {w}x{h} reaches beyond the map of {width}x{height} pixels")
        kind = np.dtype("<u2") if message.type16 else np.dtype(np.uint8)
        if len(content) != w * h * kind.itemsize:
            raise ValueError(f"{w}x{h} pixels are {w * h * kind.itemsize} bytes of {kind.name}; got {len(content)}")
        piece = np.frombuffer(content, kind).reshape(h, w).astype(np.uint16)
        self.ontology.to_small_index(piece)  # Refuses ids that the model does not know.
        if (h, w) == (height, width):
            return piece
        if before is None or before.shape != (height, width):
            raise ValueError(f"the first rectangle of a map must cover all its {width}x{height} pixels")
        after = before.copy()
        after[y : y + h, x : x + w] = piece
        return after

    # What goes out.

    async def _paint(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            state = self.state
            if state.ids is None or state is self._shown:
                continue
            self._tried = state
            try:
                await self._show()
            except WebSocketDisconnect:
                return
            except Exception as error:
                self._shown = self._tried
                await self._tell(error, self._tried.sequence)

    async def _show(self) -> None:
        """The newest state: a preview where full size takes long, then full size unless something newer came."""
        side = self._preview_side()
        if side is not None:
            made, state = await self._turn(lambda style, index: self.model.preview(self.client, index, style, side))
            await self._send(made, state, final=False)
            if self._changed.is_set():
                return
        made, state = await self._turn(lambda style, index: self.model.generate(self.client, index, style))
        self._shown = state
        await self._send(made, state, final=True)

    def _preview_side(self) -> int | None:
        assert self.state.ids is not None
        height, width = self.state.ids.shape
        asked = self.state.preview
        side = self.model.preview_side((height, width)) if asked is None else asked
        if not side or max(self.model.preview_size((height, width), side)) >= max(height, width):
            return None
        return side

    async def _turn(self, work: Callable[[Style | None, Tensor], Made]) -> tuple[Made, Snapshot]:
        """Compute with the state that is newest when it is this client's turn."""

        def newest() -> tuple[Made, Snapshot]:
            state = self._tried = self.state
            assert state.ids is not None
            index = self.ontology.to_index(state.ids)
            size = index.shape[0], index.shape[1]
            style = state.style.resolve(self.model.synthesizer, size, self.limits.max_photo_pixels)
            return work(style, index), state

        turn = asyncio.ensure_future(self.turns.take(self.client, newest))
        try:
            done, _ = await asyncio.wait([turn], timeout=BUSY_AFTER)
            if not done and (ahead := self.turns.ahead(self.client)):
                await self._send_json({"type": "busy", "waiting": ahead})
            return await turn
        finally:
            turn.cancel()

    async def _send(self, made: Made, state: Snapshot, *, final: bool) -> None:
        kind: Literal["png", "jpeg"] = "png" if final else "jpeg"
        picture = await asyncio.to_thread(picture_bytes, made.photo, kind, quick=True)
        width, height = made.photo.size
        header = {
            "type": "picture",
            "sequence": state.sequence,
            "final": final,
            "milliseconds": round(1000 * made.seconds, 1),
            "size": [height, width],
            "rect": [0, 0, width, height],
            "format": kind,
        }
        async with self._sending:
            await asyncio.wait_for(self.socket.send_bytes(framed(header, picture)), self.limits.patience)

    async def _tell(self, error: BaseException, sequence: int) -> None:
        refusal = refusal_of(error)
        await self._send_json(
            {"type": "error", "sequence": sequence, "code": refusal.code, "message": refusal.message,
             "cure": refusal.cure}
        )

    async def _send_json(self, message: dict[str, Any]) -> None:
        if self.socket.application_state != WebSocketState.CONNECTED:
            raise WebSocketDisconnect(1006)
        async with self._sending:
            await asyncio.wait_for(self.socket.send_text(json.dumps(message)), self.limits.patience)
