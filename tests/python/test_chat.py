"""Stories of people and devices on one server: what a client that was written from the document can rely on."""

import asyncio
import random

import pytest

from clarion_client import JSON, MSGPACK, Client, Closed, Connection, Refused, http, schema
from conftest import PASSWORD
from stories import ANNA, BERT, CARA, DORA, closed, event, everything, fresh, group, message, png, record, refused, said, say, story, text

BOTH = pytest.mark.parametrize("encoding", [JSON, MSGPACK])


@story
async def test_two_people_write_to_each_other_in_different_encodings(server):
    anna = await server.connect(ANNA, JSON)
    bert = await server.connect(BERT, MSGPACK)
    chat = await anna.open_direct(user_id=BERT)
    assert chat["chat_id"] == (await bert.open_direct(user_id=ANNA))["chat_id"], "one chat a pair, whoever asks"
    sent = await say(anna, chat["chat_id"], "早上好 👋")
    heard = await message(bert, chat["chat_id"], "早上好 👋")
    assert (heard["seq"], heard["position"], heard["by"], heard["at_ms"]) == (sent["seq"], sent["position"], ANNA, sent["sent_at_ms"])
    assert heard["change"]["message"]["message_id"] == sent["message_id"]
    own = await message(anna, chat["chat_id"], "早上好 👋")
    assert own == heard, "the sender is told like everybody else"
    answered = await say(bert, chat["chat_id"], "Hi", reply_to=sent["message_id"])
    reply = await message(anna, chat["chat_id"], "Hi")
    assert answered["seq"] == sent["seq"] + 1
    assert reply["change"]["message"]["reply_to"] | {"recalled": False} == {
        "message_id": sent["message_id"], "seq": sent["seq"], "sender": ANNA, "preview": "早上好 👋", "recalled": False,
    }
    await anna.close()
    await bert.close()


@BOTH
@story
async def test_two_devices_of_a_person_stay_the_same(server, encoding):
    laptop = await server.connect(ANNA, encoding, "laptop-0001")
    phone = await server.connect(ANNA, MSGPACK, "phone-00001")
    bert = await server.connect(BERT, encoding)
    chat_id = (await group(laptop, BERT))["chat_id"]
    await record(phone, chat_id, "created")
    for number in range(5):
        await say(bert, chat_id, f"from bert {number}")
    for device in (laptop, phone):
        for number in range(5):
            await message(device, chat_id, f"from bert {number}")
    entry, = (await phone.inbox(chat_ids=[chat_id]))["entries"]
    assert entry["unread"] == 5
    await laptop.receipt(chat_id=chat_id, read_seq=entry["chat"]["head_seq"])
    changed = await event(phone, "inbox_changed", lambda body: body["chat_id"] == chat_id)
    assert (changed["unread"], changed["read_seq"], changed["read_position"]) == (0, entry["chat"]["head_seq"], entry["chat"]["head_position"])
    told = await event(bert, "receipt", lambda body: body["chat_id"] == chat_id and body["user_id"] == ANNA and body["read_seq"] == entry["chat"]["head_seq"])
    assert told["delivered_seq"] >= told["read_seq"]
    settings = await phone.my_chat(chat_id=chat_id, pinned=True, muted=True)
    assert settings["pinned"] and settings["muted"]
    assert (await event(laptop, "inbox_changed", lambda body: body["chat_id"] == chat_id)) == settings
    for connection in (laptop, phone, bert):
        await connection.close()


@BOTH
@story
async def test_a_message_sent_twice_is_one_message(server, encoding):
    first = await server.connect(ANNA, encoding, "laptop-0001")
    second = await server.connect(ANNA, encoding, "phone-00001")
    chat_id = (await group(first, BERT))["chat_id"]
    body = {"chat_id": chat_id, "client_message_id": fresh(), "content": text("once")}
    answers = await asyncio.gather(*(connection.send(**body) for _ in range(10) for connection in (first, second)))
    assert all(answer == answers[0] for answer in answers)
    again = await second.send(**(body | {"content": text("other words")}))
    assert again == answers[0], "the id alone decides"
    assert [said(one) for one in await everything(first, chat_id) if "message" in one["change"]] == ["once"]
    other = (await group(first, BERT))["chat_id"]
    await refused(first.send(**(body | {"chat_id": other})), 2009)
    made = {"client_message_id": fresh(), "name": "Once", "user_ids": [BERT]}
    one, two = await asyncio.gather(first.create_group(**made), second.create_group(**made))
    assert one["chat_id"] == two["chat_id"]
    await first.close()
    await second.close()


@BOTH
@story
async def test_a_connection_that_breaks_in_the_middle_of_sending_loses_and_doubles_nothing(server, encoding):
    bert = await server.connect(BERT, encoding)
    async with Client(server.url, ANNA, PASSWORD, "laptop-0001", encoding) as anna, Client(server.url, ANNA, PASSWORD, "phone-00001", encoding) as phone:
        chat_id = (await group(bert, ANNA))["chat_id"]
        await asyncio.gather(anna.hear("record", lambda body: body["chat_id"] == chat_id), phone.hear("record", lambda body: body["chat_id"] == chat_id))
        words = [f"message {number}" for number in range(60)]

        async def send_all():
            for one in words:
                await anna.send_text(chat_id, one)

        async def cut_often():
            for _ in range(6):
                await asyncio.sleep(random.uniform(0.01, 0.1))
                await anna.ready.wait()
                await anna.connection.cut()

        await asyncio.gather(send_all(), cut_often())
        assert [said(one) for one in await everything(bert, chat_id) if "message" in one["change"]] == words
        for device in (anna, phone):
            while device.texts(chat_id)[-1:] != words[-1:]:
                await device.hear("record")
            assert device.texts(chat_id) == words
            seqs = [one["seq"] for one in device.records[chat_id]]
            assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert anna.reconnects >= 6
    await bert.close()


@story
async def test_a_killed_server_comes_back_with_everything_that_it_acknowledged(start_server):
    server = start_server()
    bert = await server.connect(BERT, MSGPACK)
    chat_id = (await group(bert, ANNA))["chat_id"]
    await bert.close()
    async with Client(server.url, ANNA, PASSWORD, "laptop-0001", MSGPACK) as anna:
        acknowledged = {}

        async def send_all():
            for number in range(80):
                acknowledged[f"message {number}"] = await anna.send_text(chat_id, f"message {number}", f"id-{number}")

        async def kill_twice():
            for after in (20, 50):
                while len(acknowledged) < after:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)

        await asyncio.gather(send_all(), kill_twice())
        kept = {said(one): one for one in await everything(anna.connection, chat_id) if "message" in one["change"]}
        assert list(kept) == [f"message {number}" for number in range(80)]
        for words, sent in acknowledged.items():
            assert (kept[words]["seq"], kept[words]["change"]["message"]["message_id"]) == (sent["seq"], sent["message_id"])
        again = await anna.send_text(chat_id, "message 3", "id-3")
        assert again == acknowledged["message 3"], "a restart forgets no client_message_id"


@story
async def test_somebody_who_is_removed_sees_nothing_new(server):
    anna = await server.connect(ANNA, JSON)
    bert = await server.connect(BERT, MSGPACK)
    chat_id = (await group(anna, BERT, CARA))["chat_id"]
    await record(bert, chat_id, "created")
    sent = await say(anna, chat_id, "for all")
    await message(bert, chat_id, "for all")
    result = await anna.remove_members(chat_id=chat_id, user_ids=[BERT])
    assert result["changed"] == 1
    left = await event(bert, "chat_left", lambda body: body["chat_id"] == chat_id)
    assert left["seq"] == result["seq"]
    await say(anna, chat_id, "without bert")
    # Something that comes later elsewhere: what would have come before it has come by now.
    other = (await anna.open_direct(user_id=BERT))["chat_id"]
    words = f"later {fresh()}"
    await say(anna, other, words)
    while True:
        name, body = await bert.events.get()
        assert body.get("chat_id") != chat_id, f"{name} of a chat that bert is not in"
        if name == "record" and body["chat_id"] == other and "message" in body["change"] and said(body) == words:
            break
    for call in (
        bert.history(chat_id=chat_id), bert.chat(chat_id=chat_id), bert.members(chat_id=chat_id), bert.send(chat_id=chat_id, client_message_id=fresh(), content=text("x")),
        bert.inbox(chat_ids=[chat_id]), bert.receipt(chat_id=chat_id, read_seq=1), bert.typing(chat_id=chat_id), bert.pins(chat_id=chat_id), bert.online_count(chat_id=chat_id),
        bert.my_chat(chat_id=chat_id, pinned=True), bert.leave(chat_id=chat_id), bert.join(chat_id=chat_id),
    ):
        await refused(call, 2001)
    for call in (
        bert.react(message_id=sent["message_id"], emoji="THUMBSUP"), bert.readers(message_id=sent["message_id"]), bert.edits(message_id=sent["message_id"]),
        bert.thread(message_id=sent["message_id"]), bert.forward(message_ids=[sent["message_id"]], chat_id=other, client_message_id=fresh()),
    ):
        await refused(call, 2001, 2003)
    added = await anna.add_members(chat_id=chat_id, user_ids=[BERT])
    back = await record(bert, chat_id, "members_added")
    assert back["seq"] == added["seq"] and back["change"]["members_added"]["me"]
    assert not (await record(anna, chat_id, "members_added"))["change"]["members_added"]["me"]
    await anna.close()
    await bert.close()


@story
async def test_somebody_else_cannot_tell_whether_a_chat_exists(server):
    anna = await server.connect(ANNA, JSON)
    dora = await server.connect(DORA, JSON)
    chat_id = (await group(anna, BERT))["chat_id"]
    sent = await say(anna, chat_id, "a secret")
    nowhere = "oc_" + "0123456789abcdef" * 2
    real = await refused(dora.history(chat_id=chat_id), 2001)
    made_up = await refused(dora.history(chat_id=nowhere), 2001)
    assert real.error == made_up.error
    for call in (dora.add_members(chat_id=chat_id, user_ids=[DORA]), dora.update_chat(chat_id=chat_id, name="mine"), dora.dissolve(chat_id=chat_id)):
        await refused(call, 2001)
    await refused(dora.recall(message_id=sent["message_id"]), 2001, 2003)
    await refused(say(dora, chat_id, "let me in"), 2001)
    other = (await dora.open_direct(user_id=BERT))["chat_id"]
    await refused(say(dora, other, "quoting", reply_to=sent["message_id"]), 1004, 2003)
    await refused(dora.send(chat_id=other, client_message_id=fresh(), content={"share_chat": {"chat_id": chat_id}}), 2001)
    await anna.close()
    await dora.close()


@BOTH
@story
async def test_a_new_connection_of_a_device_replaces_the_old_one(server, encoding):
    old = await server.connect(CARA, encoding, "laptop-0009")
    window = await Connection.open(server.url, encoding)
    await window.hello("laptop-0009.2", server.token(CARA, "laptop-0009"))
    new = await server.connect(CARA, encoding, "laptop-0009")
    ended = await closed(old)
    assert (ended.code, ended.come_back) == (4203, "never")
    assert {device["device_id"] for device in (await new.devices())["devices"] if device["online"]} >= {"laptop-0009"}
    assert not window.closed.done()
    assert (await window.devices())["devices"], "another window of the same browser goes on"
    await new.close()
    await window.close()


@BOTH
@story
async def test_a_device_that_was_away_catches_up(server, encoding):
    anna = await server.connect(ANNA, encoding)
    chats = [(await group(anna, BERT))["chat_id"] for _ in range(3)]
    bert = await server.connect(BERT, encoding, "phone-00002")
    cursor = bert.welcome["cursor"]
    await bert.close()
    expected = {chat_id: [] for chat_id in chats}
    for number in range(40):
        chat_id = chats[number % 3]
        expected[chat_id].append((await say(anna, chat_id, f"missed {number}"))["seq"])
    edited = await say(anna, chats[0], "wrong")
    await anna.edit(message_id=edited["message_id"], content=text("right"))
    new = (await group(anna, BERT))["chat_id"]
    await anna.remove_members(chat_id=chats[2], user_ids=[BERT])

    back = await Connection.open(server.url, encoding)
    welcome = await back.hello("phone-00002", server.token(BERT, "phone-00002"), cursor)
    assert welcome["resumable"]
    records, entries, left, page = [], [], [], {}
    while True:
        synced = await back.sync(cursor=cursor, **page)
        records += synced["records"]
        entries += synced["entries"]
        left += synced["left"]
        assert not synced["too_long_all"] and not synced["too_long"]
        if synced.get("next") is None:
            break
        assert synced.get("cursor") is None, "the cursor comes with the last page"
        page = {"page": synced["next"]}
    for chat_id in chats[:2]:
        missed = [one for one in records if one["chat_id"] == chat_id]
        assert [one["seq"] for one in missed] == list(range(missed[0]["seq"], missed[0]["seq"] + len(missed)))
        assert set(expected[chat_id]) <= {one["seq"] for one in missed}
    changes = [one["change"] for one in records if one["chat_id"] == chats[0]]
    assert "edited" in changes[-1] and said({"change": changes[-2]}) == "wrong", "records stand as they happened"
    assert chats[2] in left
    assert new in [entry["chat"]["chat_id"] for entry in entries], "a chat that is new to the device comes with its entry"
    again = await back.sync(cursor=synced["cursor"])
    assert not [one for one in again["records"] if one["chat_id"] in chats], "nothing is told again from the new cursor"
    far = await back.sync(cursor="0-0")
    assert far["too_long_all"] or far["too_long"] or far["records"]
    await refused(back.sync(cursor="nonsense"), 1004)
    await anna.close()
    await back.close()


@story
async def test_what_is_too_long_is_said(server):
    anna = await server.connect(ANNA, MSGPACK)
    chat_id = (await group(anna, BERT))["chat_id"]
    bert = await server.connect(BERT, MSGPACK, "phone-00003")
    cursor = bert.welcome["cursor"]
    await bert.close()
    for start in range(0, 400, 50):
        await asyncio.gather(*(say(anna, chat_id, f"{start + number}") for number in range(50)))
    back = await Connection.open(server.url, MSGPACK)
    await back.hello("phone-00003", server.token(BERT, "phone-00003"), cursor)
    synced = await back.sync(cursor=cursor)
    entry, = [entry for entry in synced["too_long"] if entry["chat"]["chat_id"] == chat_id]
    assert entry["unread"] == 400
    assert not [one for one in synced["records"] if one["chat_id"] == chat_id]
    assert len([one for one in await everything(back, chat_id) if "message" in one["change"]]) == 400
    await anna.close()
    await back.close()


def count(state: dict, record: dict, me: str) -> None:
    """The document's table of what a record does to what is unread."""
    (kind, body), = record["change"].items()
    if kind == "message" and record["by"] == me:
        state.update(read_seq=record["seq"], read_position=record["position"], unread=0, mentions=[])
    elif kind == "message":
        state["unread"] += 1
        if me in body["mentions"] or body["mention_all"]:
            state["mentions"].append(record["seq"])
    elif kind == "recalled" and body["target_position"] > state["read_position"]:
        state["unread"] -= 1
        state["mentions"] = [seq for seq in state["mentions"] if seq != body["target_seq"]]
    elif kind == "edited" and body["target_seq"] > state["read_seq"]:
        state["mentions"] = [seq for seq in state["mentions"] if seq != body["target_seq"]]
        if me in body["mentions"] or body["mention_all"]:
            state["mentions"] = sorted([*state["mentions"], body["target_seq"]])


@pytest.mark.parametrize("seed", [1, 2, 3])
@story
async def test_a_client_that_counts_by_the_document_has_the_servers_count(server, seed):
    plan = random.Random(seed)
    anna = await server.connect(ANNA, JSON)
    bert = await server.connect(BERT, MSGPACK)
    chat_id = (await group(anna, BERT))["chat_id"]
    created = await record(bert, chat_id, "created")
    state = {"read_seq": created["seq"] - 1, "read_position": 0, "unread": 0, "mentions": []}
    messages: list[tuple[str, int]] = []
    head = created["seq"]
    for step in range(60):
        act = plan.choice(["say", "say", "say", "answer", "recall", "edit", "react", "read", "mention"])
        if act == "say":
            sent = await say(anna, chat_id, f"words {step}")
            messages.append((sent["message_id"], sent["seq"]))
        elif act == "mention":
            sent = await say(anna, chat_id, "@bert", **plan.choice([{"mentions": [BERT]}, {"mention_all": True}]))
            messages.append((sent["message_id"], sent["seq"]))
        elif act == "answer":
            sent = await say(bert, chat_id, f"answer {step}")
        elif act == "read" and messages:
            seq = plan.choice(messages)[1]
            await bert.receipt(chat_id=chat_id, read_seq=seq)
            entry, = (await bert.inbox(chat_ids=[chat_id]))["entries"]
            state.update({name: entry[name] for name in ("read_seq", "read_position", "unread", "mentions")})
            assert entry["read_seq"] >= seq
            continue
        elif messages:
            message_id, seq = messages.pop(plan.randrange(len(messages))) if act == "recall" else plan.choice(messages)
            sent = await {
                "recall": lambda: anna.recall(message_id=message_id),
                "edit": lambda: anna.edit(message_id=message_id, content=text(f"edited {step}"), **plan.choice([{}, {"mentions": [BERT]}])),
                "react": lambda: bert.react(message_id=message_id, emoji="SMILE"),
            }[act]()
        else:
            continue
        while head < sent["seq"]:
            body = await event(bert, "record", lambda body: body["chat_id"] == chat_id)
            head += 1
            assert body["seq"] == head, "no record is left out"
            count(state, body, BERT)
        entry, = (await bert.inbox(chat_ids=[chat_id]))["entries"]
        assert {name: entry[name] for name in state} == state, f"seed {seed}, step {step}: after {act}"
    await anna.close()
    await bert.close()


@story
async def test_every_command_is_answered_as_the_document_says(server):
    """Each reply is read by the document's tables, so a field that is missing or of another type fails here."""
    anna = await server.connect(ANNA, MSGPACK)
    bert = await server.connect(BERT, JSON)
    done = {"hello", "alive"}

    async def call(connection: Connection, command: str, **body) -> dict:
        done.add(command)
        return await getattr(connection, command)(**body)

    chat = await call(anna, "create_group", client_message_id=fresh(), name="项目组", description="All of it", user_ids=[BERT, CARA], department_ids=[])
    chat_id = chat["chat_id"]
    assert (chat["kind"], chat["role"], chat["owner"], chat["member_count"]) == ("group", "owner", ANNA, 3)
    assert chat["rights"]["own"] and not chat["rights"]["leave"]
    sent = await call(anna, "send", chat_id=chat_id, client_message_id=fresh(), content=text("first"))
    message_id = sent["message_id"]
    assert (await call(anna, "edit", message_id=message_id, content=text("second"), mentions=[BERT]))["seq"] == sent["seq"] + 1
    versions = (await call(bert, "edits", message_id=message_id))["versions"]
    assert [version["content"] for version in versions] == [text("first"), text("second")]
    reacted = await call(bert, "react", message_id=message_id, emoji="THUMBSUP")
    assert (await bert.react(message_id=message_id, emoji="THUMBSUP"))["seq"] >= reacted["seq"], "twice is once"
    await call(anna, "pin", message_id=message_id)
    page = await call(bert, "history", chat_id=chat_id)
    shown = next(one["change"]["message"] for one in page["records"] if one["seq"] == sent["seq"])
    assert shown["content"] == text("second") and shown["edited_at_ms"] and shown["pinned"] and shown["mentions"] == [BERT]
    assert shown["reactions"] == [{"emoji": "THUMBSUP", "count": 1, "mine": True, "users": [BERT]}]
    assert page["start"] and page["end"] and {ANNA} <= {person["user_id"] for person in page["people"]}
    assert [one["seq"] for one in (await call(bert, "pins", chat_id=chat_id))["records"]] == [sent["seq"]]
    await call(anna, "unpin", message_id=message_id)
    await call(bert, "unreact", message_id=message_id, emoji="THUMBSUP")
    threaded = await say(bert, chat_id, "in the thread", reply_to=message_id, in_thread=True)
    thread = await call(anna, "thread", message_id=message_id)
    assert [one["seq"] for one in thread["records"]] == [sent["seq"], threaded["seq"]]
    assert thread["records"][1]["change"]["message"]["thread_root"] == message_id
    assert thread["records"][0]["change"]["message"]["thread_count"] == 1
    other = (await call(anna, "open_direct", user_id=BERT))["chat_id"]
    forwarded = await call(anna, "forward", message_ids=[message_id, threaded["message_id"]], chat_id=other, client_message_id=fresh(), form="each")
    assert len(forwarded["sent"]) == 2
    merged = await anna.forward(message_ids=[message_id, threaded["message_id"]], chat_id=other, client_message_id=fresh(), form="merged")
    heard = await event(bert, "record", lambda body: "message" in body["change"] and body["change"]["message"]["message_id"] == merged["sent"][0]["message_id"])
    inside = heard["change"]["message"]["content"]["merged"]["messages"]
    assert [(one["sender"], one["content"]) for one in inside] == [(ANNA, text("second")), (BERT, text("in the thread"))]
    assert (await call(bert, "receipt", chat_id=chat_id, read_seq=threaded["seq"])) == {}
    readers = await call(anna, "readers", message_id=message_id)
    assert (readers["read_count"], readers["unread_count"]) == (1, 1) and readers["readers"][0]["person"]["user_id"] == BERT
    await call(anna, "recall", message_id=message_id)
    assert (await bert.history(chat_id=chat_id, around=sent["seq"]))["records"][1]["change"]["message"]["recalled_by"] == ANNA
    assert (await call(bert, "typing", chat_id=chat_id)) == {}
    assert (await event(anna, "typing", lambda body: body["chat_id"] == chat_id))["user_id"] == BERT
    inbox = await call(anna, "inbox", limit=1)
    assert len(inbox["entries"]) == 1 and inbox["next"] and inbox["unread"] is not None
    assert (await anna.inbox(limit=1, page=inbox["next"]))["entries"][0]["chat"]["chat_id"] != inbox["entries"][0]["chat"]["chat_id"]
    await call(anna, "sync", cursor=anna.welcome["cursor"])
    assert (await call(anna, "chat", chat_id=chat_id))["head_seq"] > threaded["seq"]
    await call(anna, "update_chat", chat_id=chat_id, name="发布组", config={"edit_permission": "only_owner", "chat_type": "public"})
    updated = await record(bert, chat_id, "updated")
    assert updated["change"]["updated"] == {"name": "发布组", "config": {"edit_permission": "only_owner", "chat_type": "public"}}
    await refused(bert.update_chat(chat_id=chat_id, name="bert's"), 2002)
    members = await call(anna, "members", chat_id=chat_id, limit=2)
    assert members["members"][0]["role"] == "owner" and members["total"] == 3 and members["next"]
    assert len((await anna.members(chat_id=chat_id, page=members["next"], limit=2))["members"]) == 1
    assert (await call(anna, "add_members", chat_id=chat_id, user_ids=[DORA, "nobody-1"]))["unknown"] == ["nobody-1"]
    assert (await call(anna, "remove_members", chat_id=chat_id, user_ids=[DORA]))["changed"] == 1
    dora = await server.connect(DORA, JSON)
    assert (await call(dora, "join", chat_id=chat_id))["chat"]["role"] == "member"
    await call(anna, "set_managers", chat_id=chat_id, add=[BERT])
    assert (await bert.chat(chat_id=chat_id))["role"] == "manager"
    await refused(anna.leave(chat_id=chat_id), 2012)
    await call(anna, "transfer", chat_id=chat_id, user_id=BERT)
    await call(anna, "leave", chat_id=chat_id)
    assert (await event(anna, "chat_left", lambda body: body["chat_id"] == chat_id))
    await call(bert, "dissolve", chat_id=chat_id)
    assert await record(dora, chat_id, "dissolved")
    await refused(say(dora, chat_id, "too late"), 2005)
    assert (await dora.chat(chat_id=chat_id))["dissolved"] and (await everything(dora, chat_id))
    hidden = await call(dora, "my_chat", chat_id=chat_id, hidden=True)
    assert hidden["hidden"]
    assert chat_id not in [entry["chat"]["chat_id"] for entry in (await dora.inbox())["entries"]]
    presences = (await call(bert, "watch", user_ids=[ANNA, CARA, "nobody-1"]))["presences"]
    assert {one["user_id"]: one["state"] for one in presences}[ANNA] == "online" and len(presences) == 2
    assert (await call(anna, "set_presence", state="away")) == {}
    assert (await event(bert, "presence", lambda body: body["user_id"] == ANNA))["state"] == "away"
    await anna.set_presence(state="online")
    assert (await call(anna, "online_count", chat_id=other))["online"] == 2
    known = (await call(anna, "people", user_ids=[BERT, "nobody-1"]))["people"]
    assert [person["user_id"] for person in known] == [BERT] and known[0]["email"] and known[0]["departments"]
    found = await call(anna, "search_people", query=known[0]["name"][:1], limit=5)
    assert found["people"]
    assert BERT in [person["user_id"] for person in (await anna.search_people(query=BERT))["people"]]
    root = await call(anna, "department", department_id="0")
    assert root["departments"] and root["departments"][0]["people_count"] > 0
    devices = (await call(anna, "devices"))["devices"]
    assert [device["device_id"] for device in devices if device["current"]] == [f"device-of-{ANNA}"]
    public = {"chat_type": "public", "membership_approval": "approval_required"}
    name = f"Patrol {fresh()[:8]}"
    board = (await anna.create_group(client_message_id=fresh(), name=name, user_ids=[BERT], department_ids=[], config=public))["chat_id"]
    assert board in [one["chat_id"] for one in (await call(dora, "search_groups", query=name))["groups"]]
    link = await call(anna, "share_link", chat_id=board, validity="week")
    assert (await call(dora, "linked_chat", token=link["token"]))["name"] == name
    assert (await dora.join(chat_id=board, reason="night shift"))["requested"]
    assert (await event(anna, "joins_waiting", lambda body: body["chat_id"] == board))["count"] == 1
    waiting = await call(anna, "join_requests", chat_id=board)
    assert waiting["total"] == 1 and waiting["requests"][0]["person"]["user_id"] == DORA and waiting["requests"][0]["reason"] == "night shift"
    assert (await call(dora, "withdraw_join", chat_id=board)) == {}
    assert (await dora.join(chat_id=board, link=link["token"]))["requested"]
    assert (await call(anna, "decide_join", chat_id=board, user_ids=[DORA], accept=True))["decided"] == 1
    assert (await event(dora, "join_decided", lambda body: body["outcome"] == "accepted"))["chat_id"] == board
    assert (await call(dora, "my_join_requests"))["requests"][0]["outcome"] == "accepted"
    await call(anna, "set_announcement", chat_id=board, text="Helmets on")
    await call(anna, "set_top_notice", chat_id=board, announcement=True)
    assert (await dora.chat(chat_id=board))["top_notice"]["preview"] == "Helmets on"
    await call(anna, "add_tab", chat_id=board, name="Plan", url="https://example.com/plan")
    details = await call(dora, "chat_details", chat_id=board)
    plan = next(tab for tab in details["tabs"] if tab["name"] == "Plan")
    assert details["announcement"]["text"] == "Helmets on" and details["tabs"][0]["tab_type"] == "message"
    await call(anna, "remove_tab", chat_id=board, tab_id=plan["tab_id"])
    await call(anna, "set_moderation", chat_id=board, moderation_permission="moderator_list", add=[DORA])
    assert [one["person"]["user_id"] for one in (await call(bert, "moderators", chat_id=board))["members"]] == [DORA]
    await refused(say(bert, board, "may I?"), 2002)
    alarm = await call(anna, "add_custom_bot", chat_id=board, client_message_id=fresh(), name="Alarms")
    alarm_id = alarm["bot"]["user_id"]
    changed = await call(anna, "change_custom_bot", chat_id=board, user_id=alarm_id, name="Sirens")
    assert changed["bot"]["name"] == "Sirens" and changed["url"] == alarm["url"]
    assert (await call(anna, "renew_custom_bot", chat_id=board, user_id=alarm_id))["url"] != alarm["url"]
    assert [one["bot"]["user_id"] for one in (await call(anna, "custom_bots", chat_id=board))["bots"]] == [alarm_id]
    assert (await call(anna, "remove_custom_bot", chat_id=board, user_id=alarm_id)) == {}
    assert (await call(anna, "got_ephemeral", message_ids=[])) == {}
    order = await say(anna, board, "Close valve 7 now")
    ladder = [{"way": "remind", "after_ms": 300_000, "every_ms": 300_000, "times": 3}]
    raised = await call(anna, "raise_urgent", message_id=order["message_id"], client_message_id=fresh(), audience={"everyone": {}}, ladder=ladder)
    urgent_id, asked = raised["urgent_id"], raised["audience_count"]
    shown = await event(bert, "urgent", lambda body: body["urgent_id"] == urgent_id)
    assert (shown["standing"], shown["raised_by"]["user_id"], shown["message"]["seq"]) == ("pending", ANNA, order["seq"])
    assert (await call(bert, "urgent_got", urgent_ids=[urgent_id], shown=True)) == {}
    assert (await call(bert, "urgents", list="open"))["open_count"] == 1
    assert (await call(bert, "confirm_urgent", urgent_id=urgent_id)) == {}
    assert (await event(bert, "urgent_over", lambda body: body["urgent_id"] == urgent_id))["why"] == "confirmed"
    report = await call(anna, "urgent_report", urgent_id=urgent_id)
    counts = report["urgent"]["counts"]
    assert (counts["confirmed"], sum(counts[standing] for standing in ("pending", "delivered", "shown", "confirmed", "failed"))) == (1, asked)
    people = await call(anna, "urgent_people", urgent_id=urgent_id, standing="confirmed", times=True)
    assert [one["person"]["user_id"] for one in people["people"]] == [BERT]
    of_bert = await call(anna, "urgent_person", urgent_id=urgent_id, user_id=BERT)
    assert (of_bert["standing"], of_bert["raised_at_ms"], of_bert["attempts"]) == ("confirmed", shown["raised_at_ms"], [])
    times = [of_bert[time] for time in ("delivered_at_ms", "shown_at_ms", "confirmed_at_ms")]
    assert shown["raised_at_ms"] <= times[0] and sorted(times) == times == [people["people"][0][time] for time in ("delivered_at_ms", "shown_at_ms", "confirmed_at_ms")]
    assert (await call(anna, "cancel_urgent", urgent_id=urgent_id)) == {}
    server.token(ANNA, "to-sign-out-1")
    spare = await server.connect(ANNA, JSON, "to-sign-out-1")
    await call(anna, "sign_out", device_id="to-sign-out-1")
    assert (await closed(spare)).code == 4102
    server.tokens.pop((ANNA, "to-sign-out-1"))
    await refused(anna.sign_out(device_id="never-was-1"), 2014)
    assert done == set(schema.COMMANDS), set(schema.COMMANDS) - done
    for connection in (anna, bert, dora):
        await connection.close()


@story
async def test_a_silent_client_is_noticed_and_an_answering_one_stays(start_server):
    server = start_server(HEARTBEAT_SECONDS="1")
    silent = await server.connect(ANNA, JSON, answer_heartbeats=False)
    lively = await server.connect(BERT, MSGPACK)
    assert lively.welcome["heartbeat_ms"] == 1000
    ended = await closed(silent)
    assert (ended.code, ended.come_back) == (4003, "again") and ended.after_ms is not None
    beat = await event(lively, "heartbeat", lambda body: body.get("cursor"))
    assert (await lively.sync(cursor=beat["cursor"]))["cursor"]
    await lively.close()


@story
async def test_a_server_that_goes_away_says_when_to_come_back(start_server):
    server = start_server()
    async with Client(server.url, ANNA, PASSWORD, "laptop-0001", JSON) as anna:
        chat_id = (await anna.call("open_direct", user_id=BERT))["chat_id"]
        before = await anna.send_text(chat_id, "before")
        connection = anna.connection
        server.ask_to_end()
        drain = await anna.hear("drain")
        ended = await closed(connection)
        assert (ended.code, ended.come_back) == (4000, "again")
        assert ended.after_ms == drain["after_ms"]
        assert await asyncio.to_thread(server.stop) == 0
        later = asyncio.create_task(anna.send_text(chat_id, "while nobody is there"))
        await asyncio.to_thread(server.start)
        after = await later
        assert after["seq"] > before["seq"]
        assert [said(one) for one in await everything(anna.connection, chat_id)] == ["before", "while nobody is there"]


@story
async def test_limits_are_those_of_the_welcome(server):
    anna = await server.connect(ANNA, JSON)
    limits = anna.welcome["limits"]
    chat_id = (await anna.open_direct(user_id=CARA))["chat_id"]
    longest = "a" * limits["text_bytes"]
    assert await say(anna, chat_id, longest)
    await refused(say(anna, chat_id, longest + "a"), 1003)
    await refused(anna.watch(user_ids=[f"e{number}" for number in range(limits["watch"] + 1)]), 1003)
    await refused(say(anna, chat_id, "@", mentions=[ANNA] * 101), 1003)
    await refused(say(anna, chat_id, "   "), 1004)
    await refused(anna.send(chat_id=chat_id, client_message_id="", content=text("x")), 1004)
    await refused(anna.send(chat_id=chat_id, client_message_id="a" * 65, content=text("x")), 1004)
    await refused(anna.send(chat_id=chat_id, client_message_id=fresh(), content={"merged": {"title": "forged", "messages": []}}), 1004)
    await refused(anna.send(chat_id=chat_id, client_message_id=fresh(), content={"hologram": {}}), 1004)
    await refused(anna.history(chat_id=chat_id, before=5, after=1), 1004)
    await refused(anna.inbox(page="nonsense"), 1004)
    await refused(anna.search_people(query=""), 1004)
    await refused(say(anna, chat_id, "@nobody", mentions=["nobody-1"]), 2004)
    await refused(anna.open_direct(user_id="nobody-1"), 2004)
    assert len((await anna.history(chat_id=chat_id, limit=1_000_000))["records"]) <= limits["page"]
    await anna.close()


@story
async def test_too_many_commands_are_refused_with_a_time(start_server):
    server = start_server(COMMANDS_PER_SECOND="5")
    anna = await server.connect(ANNA, MSGPACK)
    chat_id = (await anna.open_direct(user_id=BERT))["chat_id"]
    answers = await asyncio.gather(*(say(anna, chat_id, f"{number}") for number in range(60)), return_exceptions=True)
    limited = [answer for answer in answers if isinstance(answer, Refused)]
    assert limited and all(answer.code in (3001, 3002) and answer.retry_after_ms > 0 for answer in limited)
    with pytest.raises(Closed) as caught:
        while True:
            await asyncio.gather(*(say(anna, chat_id, "more") for _ in range(60)), return_exceptions=True)
            await anna.devices() if anna.closed.done() else None
    assert caught.value.code == 4004 and caught.value.after_ms is not None
    assert http.request("GET", server.url + "/livez").status == 200


@BOTH
@story
async def test_a_retry_has_its_first_answer_whatever_happened_meanwhile(server, encoding):
    anna = await server.connect(ANNA, encoding)
    bert = await server.connect(BERT, encoding)
    chat_id = (await group(anna, BERT))["chat_id"]
    body = {"chat_id": chat_id, "client_message_id": fresh(), "content": text("before I was removed")}
    first = await bert.send(**body)
    await anna.remove_members(chat_id=chat_id, user_ids=[BERT])
    assert await bert.send(**body) == first, "it was sent, so it is not refused"
    await refused(bert.send(**(body | {"client_message_id": fresh()})), 2001)
    own = {"chat_id": chat_id, "client_message_id": fresh(), "content": text("before the end")}
    last = await anna.send(**own)
    await anna.dissolve(chat_id=chat_id)
    assert await anna.send(**own) == last
    await refused(say(anna, chat_id, "after the end"), 2005)
    await refused(anna.create_group(client_message_id=own["client_message_id"], name="not new", user_ids=[BERT]), 2009)
    await anna.close()
    await bert.close()


@story
async def test_a_group_has_a_picture_that_others_see(server):
    anna, bert = await server.connect(ANNA, JSON), await server.connect(BERT, MSGPACK)
    picture = await asyncio.to_thread(http.upload, server.url, server.token(ANNA), "us.png", png(4, 4))
    chat_id = (await group(anna, BERT, avatar=picture["key"]))["chat_id"]
    assert (await bert.chat(chat_id=chat_id))["avatar"] == picture["key"]
    fetched = await asyncio.to_thread(http.download, server.url, server.token(BERT), picture["key"])
    assert (fetched.status, fetched.body) == (200, png(4, 4))
    own = await asyncio.to_thread(http.upload, server.url, server.token(DORA), "mine.png", png(5, 5))
    await refused(anna.update_chat(chat_id=chat_id, avatar=own["key"]), 2010)
    await anna.update_chat(chat_id=chat_id, avatar="", description="")
    assert (await record(bert, chat_id, "updated"))["change"]["updated"] == {"avatar": "", "description": ""}
    assert "avatar" not in await bert.chat(chat_id=chat_id)
    await anna.close()
    await bert.close()


@story
async def test_a_client_that_is_told_much_and_then_asks_is_answered(server):
    """A large event fills the way out; when there is room again, the session reads on."""
    anna, bert = await server.connect(ANNA, JSON), await server.connect(BERT, MSGPACK)
    chat_id = (await group(anna, BERT))["chat_id"]
    for _ in range(5):
        await say(anna, chat_id, "长" * 50_000)
        for connection in (anna, bert):
            for number in range(12):
                await refused(connection.open_direct(user_id=f"nobody-{number}"), 2004)
    await anna.close()
    await bert.close()


@story
async def test_a_reader_who_stops_gets_a_gap_and_then_everything(server):
    anna = await server.connect(ANNA, MSGPACK)
    chat_id = (await group(anna, BERT))["chat_id"]
    bert = await server.connect(BERT, MSGPACK, "phone-00004")
    cursor = bert.welcome["cursor"]
    bert.socket.transport.pause_reading()
    seqs = []
    for number in range(60):
        seqs.append((await say(anna, chat_id, f"{number} " + "x" * 100_000))["seq"])
    bert.socket.transport.resume_reading()
    gap = await event(bert, "gap")
    assert gap["dropped"] > 0
    told, page = set(), {}
    while True:
        synced = await bert.sync(cursor=cursor, **page)
        told |= {one["seq"] for one in synced["records"] if one["chat_id"] == chat_id}
        told |= {seq for entry in synced["too_long"] if entry["chat"]["chat_id"] == chat_id for seq in seqs}
        if synced.get("next") is None:
            break
        page = {"page": synced["next"]}
    assert told >= set(seqs)
    last = await say(anna, chat_id, "after the gap")
    assert (await message(bert, chat_id, "after the gap"))["seq"] == last["seq"], "live events go on"
    await anna.close()
    await bert.close()
