"""A person at a chat client and two business systems are in one group: what each writes reaches the others, at once and once."""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest
import requests
from lark_oapi.api.im.v1 import DeleteMessageRequest, GetMessageRequest, ListMessageRequest, ReadUsersMessageRequest
from websockets.sync.client import connect

from conftest import APP_2, fresh, make_group, ok, refused, send, send_text, text_of

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Person:
    """Somebody signed in over the JSON form of the client protocol."""

    def __init__(self, server, login):
        device = "sdk-" + fresh()
        signed_in = requests.post(server.url + "/auth/v1/sign_in", timeout=10, json={
            "login": login, "password": "demo", "device_id": device, "device_kind": "desktop", "device_name": "SDK tests"})
        assert signed_in.status_code == 200, signed_in.text
        self.socket = connect(server.url.replace("http", "ws") + "/ws", subprotocols=["clarion.v1.json"], compression=None)
        self.events, self.number = [], 0
        self.ask("hello", {"token": signed_in.json()["access_token"], "device_id": device, "version": 1})

    def read(self):
        frame = json.loads(self.socket.recv(timeout=20))
        if "event" in frame:
            if frame["event"] == "heartbeat":
                self.socket.send(json.dumps({"id": 0, "command": "alive", "body": {}}))
            self.events.append(frame)
            return None
        return frame

    def ask(self, command, body):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "command": command, "body": body}))
        while True:
            frame = self.read()
            if frame and frame["id"] == self.number:
                assert "error" not in frame, frame
                return frame["reply"]

    def wait_for(self, wanted):
        """Reads until an event is as wanted, and gives its body."""
        while True:
            for event in self.events:
                if wanted(event):
                    return event["body"]
            self.read()

    def said(self, chat_id, words):
        """The record of a text message with these words, once it comes."""
        def wanted(event):
            if event["event"] != "record" or event["body"]["chat_id"] != chat_id:
                return False
            content = event["body"]["change"].get("message", {}).get("content", {})
            return content.get("text", {}).get("text") == words

        return self.wait_for(wanted)

    def close(self):
        self.socket.close()


@pytest.fixture
def person(server, people):
    someone = Person(server, people[0].email)
    yield someone
    someone.close()


def test_a_bots_message_reaches_the_person_who_is_online(app, person, people):
    chat_id = make_group(app, [people[0].open_id], name="Lager")
    sent = send_text(app, chat_id, "Pallet 12 is here")
    record = person.said(chat_id, "Pallet 12 is here")
    assert record["change"]["message"].get("message_id", sent.message_id) == sent.message_id


def test_what_the_person_writes_is_read_by_both_bots_and_the_other_way_round(app, other_app, person, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    send_text(app, chat_id, "from one")
    send_text(other_app, chat_id, "from two")
    person.said(chat_id, "from one")
    person.said(chat_id, "from two")
    written = person.ask("send", {"chat_id": chat_id, "client_message_id": fresh(), "content": {"text": {"text": "from a person"}}})
    for client in (app, other_app):
        [read] = ok(client.im.v1.message.get(GetMessageRequest.builder().message_id(written["message_id"]).build())).items
        assert text_of(read) == "from a person"
        assert (read.sender.sender_type, read.sender.id_type) == ("user", "open_id")
        said = ok(client.im.v1.message.list(ListMessageRequest.builder().container_id_type("chat").container_id(chat_id).build())).items
        assert [text_of(message) for message in said if message.msg_type == "text"] == ["from one", "from two", "from a person"]
    [seen_by_one] = ok(app.im.v1.message.get(GetMessageRequest.builder().message_id(written["message_id"]).build())).items
    assert seen_by_one.sender.id == people[0].open_id


def test_a_direct_message_of_a_bot_opens_a_chat_with_the_person(app, person, people):
    words = "Your order " + fresh()
    chat_id = ok(send(app, people[0].email, {"text": words}, id_type="email")).chat_id
    person.said(chat_id, words)
    entries = person.ask("inbox", {})["entries"]
    assert chat_id in json.dumps(entries)


def test_what_a_bot_takes_back_is_taken_back_at_the_persons(app, person, people):
    chat_id = make_group(app, [people[0].open_id])
    sent = send_text(app, chat_id, "wrong number")
    record = person.said(chat_id, "wrong number")
    ok(app.im.v1.message.delete(DeleteMessageRequest.builder().message_id(sent.message_id).build()))
    gone = person.wait_for(lambda event: event["event"] == "record" and event["body"]["chat_id"] == chat_id and "recalled" in event["body"]["change"])
    assert gone["change"]["recalled"]["target_seq"] == record["seq"]


def test_who_has_read_a_bots_message_is_told_to_the_bot(app, other_app, person, people):
    chat_id = make_group(app, [one.open_id for one in people[:3]])
    sent = send_text(app, chat_id, "read me")
    record = person.said(chat_id, "read me")
    person.ask("receipt", {"chat_id": chat_id, "read_seq": record["seq"]})

    def read_users(client):
        return client.im.v1.message.read_users(ReadUsersMessageRequest.builder().message_id(sent.message_id).user_id_type("open_id").page_size(10).build())

    [reader] = ok(read_users(app)).items
    assert (reader.user_id, reader.user_id_type) == (people[0].open_id, "open_id") and int(reader.timestamp) > 0
    refused(read_users(other_app), 230030)


def test_the_readmes_example_runs_as_it_is_printed(server, people):
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    code = code.replace("http://127.0.0.1:7700", server.url).replace("EMAIL OF SOMEBODY", people[5].email)
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0 and ran.stdout.startswith("0 "), ran.stdout + ran.stderr
