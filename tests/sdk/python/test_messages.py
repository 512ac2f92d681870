"""A business system posts, answers, reads back and takes back messages, to groups and to people."""

import json
import threading

import pytest
from lark_oapi.api.im.v1 import (
    DeleteMessageRequest, GetChatRequest, GetMessageRequest, ListMessageRequest, ReplyMessageRequest, ReplyMessageRequestBody,
    UpdateMessageRequest, UpdateMessageRequestBody,
)

from conftest import APP_1, APP_2, fresh, make_group, ok, pages, refused, send, send_text, text_of

NO_SUCH_MESSAGE = "om_" + "0" * 32


@pytest.fixture(scope="module")
def group(app, people):
    return make_group(app, [person.open_id for person in people[:4]])


def get(app, message_id, id_type="open_id"):
    return app.im.v1.message.get(GetMessageRequest.builder().message_id(message_id).user_id_type(id_type).build())


def recall(app, message_id):
    return app.im.v1.message.delete(DeleteMessageRequest.builder().message_id(message_id).build())


def reply(app, message_id, text, key=None, thread=False):
    body = ReplyMessageRequestBody.builder().msg_type("text").content(json.dumps({"text": text})).reply_in_thread(thread)
    if key:
        body = body.uuid(key)
    return app.im.v1.message.reply(ReplyMessageRequest.builder().message_id(message_id).request_body(body.build()).build())


def history(app, chat_id, size=50, order="ByCreateTimeAsc", **bounds):
    def build(size, token):
        request = ListMessageRequest.builder().container_id_type("chat").container_id(chat_id).sort_type(order).page_size(size)
        for name, value in bounds.items():
            request = getattr(request, name)(value)
        return (request.page_token(token) if token else request).build()

    return pages(app.im.v1.message.list, build, size)


def words(messages):
    return [text_of(message) for message in messages if message.msg_type == "text"]


def test_a_message_is_told_back_as_it_was_sent(app, group):
    sent = send_text(app, group, "料到齐了 🚚 all parts are here")
    assert sent.message_id.startswith("om_") and sent.chat_id == group and sent.msg_type == "text"
    assert sent.create_time == sent.update_time and len(str(sent.create_time)) == 13
    assert (sent.deleted, sent.updated) == (False, False)
    assert (sent.sender.id, sent.sender.id_type, sent.sender.sender_type) == (APP_1[0], "app_id", "app")
    [read] = ok(get(app, sent.message_id)).items
    assert read.message_id == sent.message_id and text_of(read) == "料到齐了 🚚 all parts are here"
    assert not read.root_id and not read.parent_id and not read.thread_id


def test_one_person_has_one_direct_chat_whatever_id_is_written_to(app, people):
    person = people[6]
    seen = set()
    for id_type, receive_id in (("open_id", person.open_id), ("user_id", person.user_id), ("union_id", person.union_id), ("email", person.email)):
        sent = ok(send(app, receive_id, {"text": "by " + id_type}, id_type=id_type))
        assert sent.chat_id.startswith("oc_")
        seen.add(sent.chat_id)
    assert len(seen) == 1
    chat_id = seen.pop()
    assert ok(app.im.v1.chat.get(GetChatRequest.builder().chat_id(chat_id).build())).chat_mode == "p2p"
    assert words(history(app, chat_id))[-4:] == ["by open_id", "by user_id", "by union_id", "by email"]
    assert ok(send(app, chat_id, {"text": "by chat_id"})).chat_id == chat_id


def test_nobody_is_there_under_that_id(app, group):
    for id_type, receive_id, codes in (
        ("open_id", "ou_" + "0" * 32, (99992351, 230001, 230034)), ("user_id", "no-such-person", (99992360, 230001, 230034)),
        ("union_id", "on_" + "0" * 32, (99992364, 99992363, 230001, 230034)), ("email", "nobody@example.invalid", (230001, 230034, 230013)),
        ("chat_id", "oc_" + "0" * 32, (230001, 230034, 99992355, 99992356, 230002, 232006)), ("shoe_size", group, (230001, 99992402)), ("open_id", "", (230001, 99992402, 99992351, 230034)),
    ):
        refused(send(app, receive_id, {"text": "x"}, id_type=id_type), *codes)


def test_another_apps_open_id_is_refused_with_the_code_that_integrators_search_for(app, people, people_of_other_app):
    refused(send(app, people_of_other_app[people[0].user_id].open_id, {"text": "x"}, id_type="open_id"), 99992361)


def test_the_same_uuid_is_one_message_however_often_it_is_sent(app, group):
    key = fresh()
    first = send_text(app, group, "pay 1,000", key=key)
    again = send_text(app, group, "pay 1,000", key=key)
    assert again.message_id == first.message_id
    assert send_text(app, group, "pay 1,000", key=fresh()).message_id != first.message_id
    ids = [message.message_id for message in history(app, group)]
    assert ids.count(first.message_id) == 1


def test_the_same_uuid_from_many_threads_at_once_is_one_message(app, group):
    key, ids = fresh(), []
    threads = [threading.Thread(target=lambda: ids.append(send_text(app, group, "at once", key=key).message_id)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 12 and len(set(ids)) == 1
    assert words(history(app, group)).count("at once") == 1


def test_the_same_uuid_of_another_app_is_another_message(app, other_app, people):
    chat_id, key = make_group(app, [people[0].open_id], bots=[APP_2[0]]), fresh()
    assert send_text(app, chat_id, "one", key=key).message_id != send_text(other_app, chat_id, "two", key=key).message_id


def test_the_same_uuid_is_one_message_over_a_kill_of_the_server(server, app, group):
    key = fresh()
    first = send_text(app, group, "kept", key=key)
    server.restart_after_kill()
    assert send_text(app, group, "kept", key=key).message_id == first.message_id
    assert words(history(app, group)).count("kept") == 1


def test_a_uuid_that_is_too_long_is_refused(app, group):
    refused(send(app, group, {"text": "x"}, key="k" * 51), 230001, 99992402)


def test_answers_know_what_they_answer(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    root = send_text(app, chat_id, "who signs?")
    first = ok(reply(other_app, root.message_id, "I do"))
    assert (first.root_id, first.parent_id, first.chat_id) == (root.message_id, root.message_id, chat_id)
    second = ok(reply(app, first.message_id, "thanks"))
    assert (second.root_id, second.parent_id) == (root.message_id, first.message_id)
    [read] = ok(get(app, second.message_id)).items
    assert (read.root_id, read.parent_id) == (root.message_id, first.message_id)
    key = fresh()
    assert ok(reply(app, root.message_id, "once", key)).message_id == ok(reply(app, root.message_id, "once", key)).message_id


def test_an_answer_to_nothing_is_refused(app, group):
    refused(reply(app, NO_SUCH_MESSAGE, "x"), 230030, 99992354, 230001, 231003)
    gone = send_text(app, group, "gone soon")
    ok(recall(app, gone.message_id))
    refused(reply(app, gone.message_id, "too late"), 230011, 230110)


def test_history_goes_both_ways_in_pages_without_doubles_or_holes(app, people):
    chat_id = make_group(app, [people[0].open_id])
    sent = [send_text(app, chat_id, f"line {number}").message_id for number in range(23)]
    for size in (7, 50):
        forth = [message.message_id for message in history(app, chat_id, size) if message.msg_type == "text"]
        back = [message.message_id for message in history(app, chat_id, size, "ByCreateTimeDesc") if message.msg_type == "text"]
        assert forth == sent and back == sent[::-1]


def test_history_can_be_cut_by_time(app, people):
    chat_id = make_group(app, [people[0].open_id])
    sent = send_text(app, chat_id, "now")
    second = int(sent.create_time) // 1000
    assert words(history(app, chat_id, start_time=str(second - 1), end_time=str(second + 1))) == ["now"]
    assert words(history(app, chat_id, start_time=str(second + 3600), end_time=str(second + 7200))) == []
    assert words(history(app, chat_id, start_time=str(second - 7200), end_time=str(second - 3600))) == []


def test_a_history_request_that_makes_no_sense_is_refused(app, group):
    def ask(**fields):
        request = ListMessageRequest.builder().container_id_type("chat").container_id(group)
        for name, value in fields.items():
            request = getattr(request, name)(value)
        return app.im.v1.message.list(request.build())

    for fields in ({"page_size": 51}, {"page_token": "made-up"}, {"container_id_type": "planet"}, {"sort_type": "Sideways"}, {"start_time": "soon"}):
        response = ask(**fields)
        assert response.code in (230001, 99992402, 231012), (fields, response.code, response.msg)
        assert response.raw.status_code == 400


def test_a_recalled_message_leaves_its_place_and_not_its_words(app, group):
    sent = send_text(app, group, "never mind the secret 4711")
    ok(recall(app, sent.message_id))
    [message] = [message for message in history(app, group) if message.message_id == sent.message_id]
    assert message.deleted is True and "4711" not in message.body.content
    response = get(app, sent.message_id)
    assert response.code in (0, 230110, 230011)
    assert b"4711" not in response.raw.content
    again = recall(app, sent.message_id)
    assert again.code in (0, 230011, 230110)


def test_a_member_cannot_take_back_what_another_wrote_but_the_owner_can(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    mine, theirs = send_text(app, chat_id, "mine"), send_text(other_app, chat_id, "theirs")
    refused(recall(other_app, mine.message_id), 230026, 230012)
    ok(recall(app, theirs.message_id))
    refused(recall(app, NO_SUCH_MESSAGE), 230030, 99992354, 230001)


def test_a_bot_outside_neither_reads_nor_writes(app, other_app, group):
    sent = send_text(app, group, "for members")
    refused(send(other_app, group, {"text": "let me in"}), 230002)
    for response in (get(other_app, sent.message_id), reply(other_app, sent.message_id, "x"), recall(other_app, sent.message_id)):
        refused(response, 230002, 230027, 230050, 230026, 230110, 230030)
        assert b"for members" not in response.raw.content
    request = ListMessageRequest.builder().container_id_type("chat").container_id(group).build()
    refused(other_app.im.v1.message.list(request), 230002, 230027)


def test_a_mention_becomes_a_key_and_a_name(app, group, people):
    sent = send_text(app, group, f'<at user_id="{people[1].open_id}">whoever</at> please confirm, <at user_id="all"></at>')
    assert text_of(sent) == "@_user_1 please confirm, @_all"
    [mention] = [mention for mention in sent.mentions if mention.key == "@_user_1"]
    assert (mention.id, mention.id_type, mention.name) == (people[1].open_id, "open_id", people[1].name)
    [read] = ok(get(app, sent.message_id)).items
    assert text_of(read) == text_of(sent) and read.mentions[0].id == people[1].open_id


@pytest.mark.parametrize("msg_type, content", [
    ("post", {"zh_cn": {"title": "维修 Overhaul", "content": [[{"tag": "text", "text": "Valve "}, {"tag": "a", "text": "drawing", "href": "https://example.invalid/7"}]]}}),
    ("interactive", {"config": {"wide_screen_mode": True}, "header": {"title": {"tag": "plain_text", "content": "Approve?"}, "template": "blue"},
                     "elements": [{"tag": "div", "text": {"tag": "lark_md", "content": "**12** pumps"}}]}),
])
def test_rich_messages_are_kept(app, group, msg_type, content):
    sent = ok(send(app, group, content, msg_type=msg_type))
    assert sent.msg_type == msg_type
    [read] = ok(get(app, sent.message_id)).items
    body = json.loads(read.body.content)
    if msg_type == "post":
        assert body["title"] == "维修 Overhaul", "read back without the level of the locale"
        assert body["content"][0][1]["href"] == "https://example.invalid/7"
    else:
        assert "Approve?" in read.body.content and "12" in read.body.content


def test_a_chat_and_a_person_can_be_shared(app, group, people):
    for msg_type, content in (("share_chat", {"chat_id": group}), ("share_user", {"user_id": people[2].open_id})):
        sent = ok(send(app, group, content, msg_type=msg_type))
        assert json.loads(sent.body.content) == content


@pytest.mark.parametrize("msg_type, content", [
    ("text", "not json"), ("text", {"words": "x"}), ("text", {"text": ""}), ("text", {"text": 5}), ("post", {"zh_cn": {"content": "x"}}), ("telegram", {"text": "x"}),
    ("image", {"image_key": "img_v3_none"}), ("file", {"file_key": "file_v3_none"}), ("share_chat", {"chat_id": "oc_none"}), ("interactive", "[]"),
])
def test_content_that_is_none_is_refused(app, group, msg_type, content):
    response = send(app, group, content, msg_type=msg_type)
    assert response.code in (230001, 230017, 230054, 230055, 230099, 99992402, 99992355, 99992356, 234001, 230002, 232006, 230018, 230034, 9499), (response.code, response.msg)
    assert response.raw.status_code == 400


def test_a_text_over_the_limit_is_refused_and_one_below_it_is_whole(app, group):
    refused(send(app, group, {"text": "长" * 60_000}), 230025)
    long = "x" * 140_000
    assert text_of(send_text(app, group, long)) == long


def test_messages_keep_their_order_when_many_send_at_once(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])

    def write(client, name):
        for number in range(20):
            send_text(client, chat_id, f"{name} {number}")

    threads = [threading.Thread(target=write, args=(client, name)) for client, name in ((app, "a"), (other_app, "b"), (app, "c"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = words(history(app, chat_id))
    assert len(said) == 60 and len(set(said)) == 60
    for name in "abc":
        assert [line for line in said if line.startswith(name)] == [f"{name} {number}" for number in range(20)]
    assert words(history(other_app, chat_id)) == said, "everyone sees the same order"


def test_what_was_said_is_put_right_by_who_said_it(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    message = send_text(app, chat_id, "at 8")

    def edit(client, text, kind="text"):
        body = UpdateMessageRequestBody.builder().msg_type(kind).content(json.dumps({"text": text})).build()
        return client.im.v1.message.update(UpdateMessageRequest.builder().message_id(message.message_id).request_body(body).build())

    changed = ok(edit(app, "at 9"))
    assert changed.message_id == message.message_id and changed.updated is True and text_of(changed) == "at 9"
    assert text_of(ok(get(other_app, message.message_id)).items[0]) == "at 9"
    refused(edit(other_app, "at 10"), 230071)
    refused(edit(app, "{}", "image"), 99992402)
    ok(recall(app, message.message_id))
    refused(edit(app, "at 11"), 230011)
