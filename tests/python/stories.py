"""What the stories have in common."""

import asyncio
import functools
import secrets
import struct
import zlib

import pytest

from clarion_client import Closed, Connection, Refused

# People of the demo organisation.
ANNA, BERT, CARA, DORA = "e1001", "e1002", "e1003", "e1004"
PATIENCE_S = 60


def story(function):
    """A test that is a coroutine."""

    @functools.wraps(function)
    def run(*arguments, **named):
        async def limited():
            await asyncio.wait_for(function(*arguments, **named), PATIENCE_S * 2)

        asyncio.run(limited())

    return run


def text(words: str) -> dict:
    return {"text": {"text": words}}


def said(record: dict) -> str:
    return record["change"]["message"]["content"]["text"]["text"]


def fresh() -> str:
    """A new client_message_id."""
    return secrets.token_hex(8)


async def say(connection: Connection, chat_id: str, words: str, **more) -> dict:
    return await connection.send(chat_id=chat_id, client_message_id=fresh(), content=text(words), **more)


async def group(connection: Connection, *user_ids: str, **more) -> dict:
    """A new group, which nobody else has."""
    return await connection.create_group(client_message_id=fresh(), name=f"Group {fresh()}", user_ids=list(user_ids), **more)


async def event(connection: Connection, name: str, fits=lambda body: True) -> dict:
    """The next event of this kind that fits; those before it are passed over."""
    while True:
        heard, body = await asyncio.wait_for(connection.events.get(), PATIENCE_S)
        if heard == name and fits(body):
            return body


async def record(connection: Connection, chat_id: str, kind: str) -> dict:
    return await event(connection, "record", lambda body: body["chat_id"] == chat_id and kind in body["change"])


async def message(connection: Connection, chat_id: str, words: str) -> dict:
    """The message with this text, and of the chat nothing else is passed over that is a message."""
    return await event(connection, "record", lambda body: body["chat_id"] == chat_id and "message" in body["change"] and said(body) == words)


async def refused(call, *codes: int) -> Refused:
    with pytest.raises(Refused) as caught:
        await call
    assert caught.value.code in codes, str(caught.value)
    for part in ("what", "why", "hint"):
        assert caught.value.error[part], f"an error says {part}"
    return caught.value


async def closed(connection: Connection) -> Closed:
    return await asyncio.wait_for(connection.wait_closed(), PATIENCE_S)


async def everything(connection: Connection, chat_id: str) -> list[dict]:
    """All that history has of a chat, read forwards in small pages."""
    records, after = [], 0
    while True:
        page = await connection.history(chat_id=chat_id, after=after, limit=7)
        records.extend(page["records"])
        if page["end"]:
            return records
        assert page["to_seq"] > after, "a page that is not the end moves on"
        after = page["to_seq"]


def png(width: int, height: int) -> bytes:
    """The smallest picture of this size."""
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\0" + b"\x7f" * 3 * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
