"""One connection: frames out, replies to whoever asked, events in a bounded queue."""

import asyncio
import contextlib

import websockets
from websockets.asyncio.client import connect

from . import codec
from .schema import CLOSES, COMMANDS, ERRORS

# Events that may wait for their reader; the reader of frames waits for room, and the server notices a slow session.
EVENTS_WAITING = 10_000


class Refused(Exception):
    """A command was refused."""

    def __init__(self, error: dict):
        self.code = error["code"]
        self.name = ERRORS.get(self.code, (str(self.code),))[0]
        self.error = error
        self.retry_after_ms = error.get("retry_after_ms")
        super().__init__(f"{self.code} {self.name}: {error['what']}: {error['why']}; {error['hint']}")


class Closed(Exception):
    """The connection is closed. `code` is 1006 when no close frame came."""

    def __init__(self, code: int, reason: str):
        self.code = code
        self.reason = reason
        after = [part for part in reason.split(";") if part.startswith("after_ms=")]
        self.after_ms = int(after[0].removeprefix("after_ms=")) if after else None
        super().__init__(f"{code} {CLOSES.get(code, ('',))[0]} {reason}")

    @property
    def come_back(self) -> str:
        """`again`, `sign in` or `never`."""
        if 4100 <= self.code < 4200:
            return "sign in"
        return "never" if 4200 <= self.code < 4300 else "again"


class Connection:
    """A connection; after `hello`, a session. `answer_heartbeats` is off in tests of dead peers."""

    def __init__(self, socket, encoding: str, answer_heartbeats: bool = True):
        self.socket = socket
        self.encoding = encoding
        self.answer_heartbeats = answer_heartbeats
        self.events: asyncio.Queue = asyncio.Queue(EVENTS_WAITING)
        self.cursor: str | None = None
        self.welcome: dict | None = None
        self.next_id = 1
        self.waiting: dict[int, tuple[str, asyncio.Future]] = {}
        self.closed: asyncio.Future = asyncio.get_running_loop().create_future()
        self.reader = asyncio.create_task(self.read_frames())

    @classmethod
    async def open(cls, url: str, encoding: str = codec.JSON, headers: dict | None = None, answer_heartbeats: bool = True) -> "Connection":
        """Opens `/ws` of a server whose address is `http://…` or `https://…`."""
        address = "ws" + url.removeprefix("http") + "/ws"
        socket = await connect(
            address, subprotocols=[encoding], additional_headers=headers or {}, compression=None,
            ping_interval=None, max_size=None, proxy=None,
        )
        if socket.subprotocol != encoding:
            raise codec.Unreadable(f"the server chose {socket.subprotocol}")
        return cls(socket, encoding, answer_heartbeats)

    async def hello(self, device_id: str, token: str | None = None, cursor: str | None = None, version: int = 1) -> dict:
        body = {"device_id": device_id, "version": version, "client": "clarion-python-test 1"}
        if token is not None:
            body["token"] = token
        if cursor is not None:
            body["cursor"] = cursor
        self.welcome = await self.call("hello", **body)
        return self.welcome

    async def call(self, command: str, **body) -> dict:
        """Does a command and gives its reply."""
        id = self.next_id
        self.next_id += 1
        future = asyncio.get_running_loop().create_future()
        self.waiting[id] = (COMMANDS[command][2], future)
        try:
            await self.write(codec.command(self.encoding, id, command, body))
            return await future
        finally:
            self.waiting.pop(id, None)

    async def write(self, frame: str | bytes) -> None:
        """Writes a frame as it is."""
        try:
            await self.socket.send(frame)
        except websockets.ConnectionClosed:
            raise await self.wait_closed() from None

    async def wait_closed(self) -> Closed:
        return await asyncio.shield(self.closed)

    async def close(self) -> None:
        await self.socket.close()
        await self.reader

    async def cut(self) -> None:
        """Ends the connection as a broken network does: without a close frame."""
        self.socket.transport.abort()
        await self.reader

    async def read_frames(self) -> None:
        try:
            async for frame in self.socket:
                await self.take(*codec.read(self.encoding, frame, self.reply_kind))
        except websockets.ConnectionClosed:
            pass
        except codec.Unreadable as error:
            await self.socket.close(1002, "unreadable")
            self.end(Closed(1002, str(error)))
            return
        code = self.socket.close_code
        self.end(Closed(1006 if code is None else code, self.socket.close_reason or ""))

    def reply_kind(self, id: int) -> str | None:
        return self.waiting[id][0] if id in self.waiting else None

    async def take(self, kind: str, name, body) -> None:
        if kind == "event":
            if name == "heartbeat":
                self.cursor = body.get("cursor") or self.cursor
                if self.answer_heartbeats:
                    with contextlib.suppress(websockets.ConnectionClosed):
                        await self.socket.send(codec.command(self.encoding, 0, "alive", {}))
            if name is not None:
                await self.events.put((name, body))
            return
        _, future = self.waiting.get(name, (None, None))
        if future is not None and not future.done():
            if kind == "reply":
                future.set_result(body)
            else:
                future.set_exception(Refused(body))

    def end(self, closed: Closed) -> None:
        if not self.closed.done():
            self.closed.set_result(closed)
        for _, future in self.waiting.values():
            if not future.done():
                future.set_exception(closed)


def add_command(name: str) -> None:
    async def method(self, **body) -> dict:
        return await self.call(name, **body)

    method.__name__ = name
    method.__doc__ = f"The command `{name}`."
    setattr(Connection, name, method)


# Every command of the document is a method; `hello` and what is never answered stand above.
for known in COMMANDS:
    if known not in ("hello", "alive"):
        add_command(known)
