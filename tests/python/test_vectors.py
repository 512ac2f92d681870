"""The client's codec against the vectors: what it writes and reads is what the document's examples say."""

import json
import pathlib

import msgpack
import pytest

from clarion_client import JSON, MSGPACK, Unreadable, codec, document, schema

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "protocol" / "vectors"


def load(*files: str) -> list:
    return [pytest.param(vector, id=f"{file}-{vector['name']}") for file in files for vector in json.loads((VECTORS / f"{file}.json").read_text(encoding="utf-8"))]


def of(direction: str, parameters: list) -> list:
    return [parameter for parameter in parameters if parameter.values[0]["direction"] == direction]


def read(encoding: str, frame, command: str | None):
    return codec.read(encoding, frame, lambda _: schema.COMMANDS[command][2])


def test_the_schema_is_what_the_document_says():
    text = document.DOCUMENT.read_text(encoding="utf-8")
    assert document.schema(text) == {name: getattr(schema, name) for name in ("STRUCTS", "WORDS", "CHOICES", "COMMANDS", "ERRORS", "CLOSES")}, (
        "run python -m clarion_client.document"
    )


@pytest.mark.parametrize("vector", of("client", load("handshake", "commands")))
def test_commands_are_written_as_the_server_reads_them(vector):
    frame = vector["json"]
    written = codec.command(MSGPACK, frame["id"], frame["command"], frame["body"])
    assert written.hex() == vector["msgpack"]
    assert json.loads(codec.command(JSON, frame["id"], frame["command"], frame["body"])) == frame


@pytest.mark.parametrize("vector", of("server", load("handshake", "replies", "events")))
def test_what_the_server_writes_is_read_alike_in_both_encodings(vector):
    text = json.dumps(vector["json"])
    packed = bytes.fromhex(vector["msgpack"])
    from_json = read(JSON, text, vector.get("command"))
    assert from_json == read(MSGPACK, packed, vector.get("command"))
    kind, name, body = from_json
    assert name == vector["json"].get("event", vector["json"].get("id"))
    assert body == vector["json"]["body" if kind == "event" else kind], "nothing is lost and nothing is added"


@pytest.mark.parametrize("vector", of("server", load("handshake", "replies", "events")))
def test_what_the_client_would_write_is_what_the_server_writes(vector):
    frame = vector["json"]
    if "event" in frame:
        packed = msgpack.packb(codec.pack("Event", {frame["event"]: frame["body"]}))
    elif "reply" in frame:
        packed = msgpack.packb([0, frame["id"], codec.pack(schema.COMMANDS[vector["command"]][2], frame["reply"])])
    else:
        packed = msgpack.packb([1, frame["id"], codec.pack("ErrorBody", frame["error"])])
    assert packed.hex() == vector["msgpack"]


@pytest.mark.parametrize("vector", of("server", load("tolerated")))
def test_what_a_later_server_adds_is_ignored(vector):
    encoding, frame = (JSON, json.dumps(vector["json"])) if "json" in vector else (MSGPACK, bytes.fromhex(vector["msgpack"]))
    expected = vector["reads_as"]
    if expected is None:
        assert read(encoding, frame, None) == ("event", None, None)
    else:
        assert read(encoding, frame, "add_members" if "changed" in expected.get("reply", {}) else "recall") == read(JSON, json.dumps(expected), "recall")


@pytest.mark.parametrize("frame", [b"", b"\xc1", b"\x90", b"\x92\x0d\x91\xc4\x01x", b"\x93\x00\x07", "{}", "7", '{"event":"typing","body":{}}'])
def test_a_broken_frame_is_an_error_and_not_a_crash(frame):
    with pytest.raises(Unreadable):
        read(MSGPACK if isinstance(frame, bytes) else JSON, frame, "recall")
