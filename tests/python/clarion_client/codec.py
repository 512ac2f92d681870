"""Frames in both encodings. In Python every value has its JSON form: objects by name, ids and words as text."""

import json

import msgpack

from .schema import CHOICES, COMMANDS, STRUCTS, WORDS

JSON = "clarion.v1.json"
MSGPACK = "clarion.v1.msgpack"

PREFIXES = {"chat id": "oc_", "message id": "om_", "urgent id": "ur_"}
PLAIN = {"text", "number", "seq", "boolean", "user id"}
# What an event, a content or a change of a later version is read as.
UNKNOWN = {"unknown": None}


class Unreadable(Exception):
    """A frame is not what the document says."""


def pack(kind: str, value):
    """A value in the form that MessagePack has of it."""
    if value is None:
        return None
    if kind.startswith("list of "):
        return [pack(kind[len("list of "):], element) for element in value]
    if kind in PREFIXES:
        return bytes.fromhex(value.removeprefix(PREFIXES[kind]))
    if kind in WORDS:
        return WORDS[kind][value]
    if kind in CHOICES:
        (name, body), = value.items()
        number, body_kind = CHOICES[kind][name]
        return [number, pack(body_kind, body)]
    if kind in STRUCTS:
        fields = [pack_field(field, value) for field in STRUCTS[kind]]
        for name, _, given in reversed(STRUCTS[kind]):
            if given == "always" or value.get(name) not in {"missing = false": (None, False), "missing = empty": (None, [])}.get(given, (None,)):
                break
            fields.pop()
        return fields
    if kind not in PLAIN:
        raise Unreadable(f"the document has no type {kind}")
    return value


def pack_field(field: tuple[str, str, str], value: dict):
    name, kind, given = field
    if value.get(name) is None:
        if given == "always":
            raise Unreadable(f"{name} must be given")
        return {"missing = false": False, "missing = empty": []}.get(given)
    return pack(kind, value[name])


def unpack(kind: str, packed):
    """The JSON form of what MessagePack had."""
    if kind.startswith("list of "):
        return [unpack(kind[len("list of "):], element) for element in packed]
    if kind in PREFIXES:
        if not isinstance(packed, bytes) or len(packed) != 16:
            raise Unreadable(f"a {kind} has 16 bytes")
        return PREFIXES[kind] + packed.hex()
    if kind in WORDS:
        return next(word for word, number in WORDS[kind].items() if number == packed)
    if kind in CHOICES:
        for name, (number, body_kind) in CHOICES[kind].items():
            if number == packed[0]:
                return {name: unpack(body_kind, packed[1])}
        return UNKNOWN
    if kind in STRUCTS:
        value = {}
        for index, (name, field_kind, given) in enumerate(STRUCTS[kind]):
            element = packed[index] if index < len(packed) else None
            if element is not None:
                value[name] = unpack(field_kind, element)
            else:
                missing(value, name, given)
        return value
    return packed


def complete(kind: str, value):
    """A JSON value as it was read, with what was left out, and without what is not known."""
    if kind.startswith("list of "):
        return [complete(kind[len("list of "):], element) for element in value]
    if kind in CHOICES:
        for name, body in value.items():
            if name in CHOICES[kind]:
                return {name: complete(CHOICES[kind][name][1], body)}
        return UNKNOWN
    if kind in STRUCTS:
        whole = {}
        for name, field_kind, given in STRUCTS[kind]:
            if value.get(name) is not None:
                whole[name] = complete(field_kind, value[name])
            else:
                missing(whole, name, given)
        return whole
    return value


def missing(value: dict, name: str, given: str) -> None:
    if given == "always":
        raise Unreadable(f"{name} is missing")
    if given == "missing = false":
        value[name] = False
    if given == "missing = empty":
        value[name] = []


def command(encoding: str, id: int, name: str, body: dict) -> str | bytes:
    """The frame of a command."""
    number, kind, _ = COMMANDS[name]
    if encoding == JSON:
        return json.dumps({"id": id, "command": name, "body": body}, ensure_ascii=False)
    return msgpack.packb([number, id, pack(kind, body)])


def read(encoding: str, frame: str | bytes, reply_kind):
    """A server's frame: ("reply", id, body), ("error", id, error) or ("event", name, body); the last two `None` for an
    event of a later version. `reply_kind(id)` tells the type of the reply to a command, `None` when nobody waits for it."""
    try:
        if encoding == JSON:
            return read_json(json.loads(frame), reply_kind)
        return read_msgpack(msgpack.unpackb(frame), reply_kind)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, StopIteration) as error:
        raise Unreadable(f"{frame!r}: {error}") from error


def read_json(frame: dict, reply_kind):
    if "event" in frame:
        if frame["event"] not in CHOICES["Event"]:
            return "event", None, None
        return "event", frame["event"], complete(CHOICES["Event"][frame["event"]][1], frame["body"])
    if "reply" in frame:
        kind = reply_kind(frame["id"])
        return "reply", frame["id"], kind and complete(kind, frame["reply"])
    return "error", frame["id"], complete("ErrorBody", frame["error"])


def read_msgpack(frame: list, reply_kind):
    if frame[0] == 0:
        kind = reply_kind(frame[1])
        return "reply", frame[1], kind and unpack(kind, frame[2])
    if frame[0] == 1:
        return "error", frame[1], unpack("ErrorBody", frame[2])
    event = unpack("Event", frame)
    if event == UNKNOWN:
        return "event", None, None
    (name, body), = event.items()
    return "event", name, body
