"""A client that stays complete: it reconnects, goes on from its cursor, fills holes, and sends nothing twice."""

import asyncio
import contextlib
import random
import secrets

from . import codec, http
from .connection import Closed, Connection, Refused

DELAY_FIRST_S = 0.5
DELAY_MAX_S = 30.0


class Client:
    """One device of a person. `records` has, per chat and without holes, every record since the start, as it happened."""

    def __init__(self, url: str, login: str, password: str, device_id: str, encoding: str = codec.JSON):
        self.url = url
        self.login = login
        self.password = password
        self.device_id = device_id
        self.encoding = encoding
        self.tokens: dict | None = None
        self.connection: Connection | None = None
        self.cursor: str | None = None
        self.ready = asyncio.Event()
        self.records: dict[str, list[dict]] = {}
        self.aside: dict[str, dict[int, dict]] = {}
        self.heard: asyncio.Queue = asyncio.Queue(10_000)
        self.reconnects = 0
        self.doubled = 0
        self.left: set[str] = set()
        self.ended: Closed | None = None
        self.running: asyncio.Task | None = None

    async def __aenter__(self) -> "Client":
        self.running = asyncio.create_task(self.run())
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait([ready, self.running], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self.running.done():
            await self.running
            raise self.ended
        return self

    async def __aexit__(self, *_) -> None:
        self.running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.running
        if self.connection is not None:
            await self.connection.close()

    async def run(self) -> None:
        """Connects, and again after each close that says so."""
        upper = DELAY_FIRST_S
        while True:
            try:
                await self.connect()
                upper = DELAY_FIRST_S
                closed = await self.live()
            except Closed as error:
                closed = error
            except (OSError, codec.Unreadable) as error:
                closed = Closed(1006, str(error)[:100])
            self.ready.clear()
            self.reconnects += 1
            if closed.come_back == "never":
                self.ended = closed
                return
            if closed.come_back == "sign in":
                self.tokens = None
            delay = random.uniform(0, upper) if closed.after_ms is None else closed.after_ms / 1000
            upper = min(upper * 2, DELAY_MAX_S)
            await asyncio.sleep(delay)

    async def connect(self) -> None:
        if self.tokens is None:
            self.tokens = await asyncio.to_thread(http.sign_in, self.url, self.login, self.password, self.device_id)
        self.connection = await Connection.open(self.url, self.encoding)
        welcome = await self.connection.hello(self.device_id, self.tokens["access_token"], self.cursor)
        if self.cursor is None or not welcome["resumable"]:
            self.records.clear()
            self.aside.clear()
            await self.load_inbox()
            self.cursor = welcome["cursor"]
        else:
            await self.sync()
        self.ready.set()

    async def live(self) -> Closed:
        """Takes events until the connection ends."""
        connection = self.connection
        while True:
            event = asyncio.create_task(connection.events.get())
            done, _ = await asyncio.wait([event, connection.closed], return_when=asyncio.FIRST_COMPLETED)
            if event not in done:
                event.cancel()
                return connection.closed.result()
            name, body = event.result()
            if name == "record":
                await self.take(body)
            elif name == "gap":
                await self.sync()
            elif name == "heartbeat":
                self.cursor = body.get("cursor") or self.cursor
            elif name == "chat_left":
                self.left.add(body["chat_id"])
            if not self.heard.full():
                self.heard.put_nowait((name, body))

    async def load_inbox(self) -> None:
        page = None
        while True:
            reply = await self.connection.inbox(**({} if page is None else {"page": page}))
            for entry in reply["entries"]:
                self.begin(entry["chat"])
            page = reply.get("next")
            if page is None:
                return

    def begin(self, chat: dict) -> None:
        """From here on the chat's records are kept. A record that says only where the chat stood makes the begin."""
        self.records[chat["chat_id"]] = [{"seq": max(chat["head_seq"], chat["first_seq"] - 1), "change": None}]

    async def sync(self) -> None:
        page: dict = {}
        while True:
            reply = await self.connection.sync(cursor=self.cursor, **page)
            if reply["too_long_all"]:
                self.records.clear()
                await self.load_inbox()
            for entry in reply["too_long"]:
                self.begin(entry["chat"])
            for record in reply["records"]:
                await self.take(record)
            self.left.update(reply["left"])
            if reply.get("next") is None:
                self.cursor = reply["cursor"]
                return
            page = {"page": reply["next"]}

    async def take(self, record: dict) -> None:
        """Takes a record in its place: known ones are dropped, holes are filled."""
        chat_id = record["chat_id"]
        known = self.records.get(chat_id)
        if known is None:
            # New to this device: it begins before its first record that came.
            known = self.records[chat_id] = [{"seq": record["seq"] - 1, "change": None}]
        if record["seq"] <= known[-1]["seq"]:
            self.doubled += 1
            return
        aside = self.aside.setdefault(chat_id, {})
        aside[record["seq"]] = record
        if record["seq"] > known[-1]["seq"] + 1:
            await self.fill(chat_id, record["seq"])
        while known[-1]["seq"] + 1 in aside:
            known.append(aside.pop(known[-1]["seq"] + 1))

    async def fill(self, chat_id: str, before: int) -> None:
        """Fetches the hole before a record. What history folds into its message stands as nothing."""
        known = self.records[chat_id]
        while known[-1]["seq"] + 1 < before:
            page = await self.connection.history(chat_id=chat_id, after=known[-1]["seq"])
            there = {record["seq"]: record for record in page["records"]}
            for seq in range(known[-1]["seq"] + 1, min(page["to_seq"], before - 1) + 1):
                known.append(there.get(seq, {"seq": seq, "change": None}))
            if page["to_seq"] < page["from_seq"]:
                return

    async def call(self, command: str, **body) -> dict:
        await self.ready.wait()
        return await self.connection.call(command, **body)

    async def send(self, chat_id: str, content: dict, client_message_id: str | None = None, **more) -> dict:
        """Sends until it is acknowledged or refused for good; always with the same client_message_id."""
        body = {"chat_id": chat_id, "client_message_id": client_message_id or secrets.token_hex(16), "content": content, **more}
        while True:
            try:
                return await self.call("send", **body)
            except Closed:
                await asyncio.sleep(0)
                if self.ended is not None:
                    raise self.ended from None
            except Refused as refused:
                if refused.retry_after_ms is None:
                    raise
                await asyncio.sleep(refused.retry_after_ms / 1000)

    async def send_text(self, chat_id: str, text: str, client_message_id: str | None = None, **more) -> dict:
        return await self.send(chat_id, {"text": {"text": text}}, client_message_id, **more)

    async def events(self):
        """Events as they come, for ever."""
        while True:
            yield await self.heard.get()

    async def hear(self, name: str, fits=lambda body: True) -> dict:
        """Waits for an event; those before it are passed over."""
        async for heard, body in self.events():
            if heard == name and fits(body):
                return body

    def texts(self, chat_id: str) -> list[str]:
        """Texts of the messages that came, in their order."""
        changes = [record["change"] for record in self.records.get(chat_id, []) if record["change"]]
        return [change["message"]["content"]["text"]["text"] for change in changes if "text" in change.get("message", {}).get("content", {})]
