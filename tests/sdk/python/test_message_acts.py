"""A business system does everything else with messages: reacts, pins, sends on, changes cards, asks who has read, writes to many."""

import io
import json
import time

import lark_oapi as lark
import pytest
from lark_oapi.api.im.v1 import (
    BatchQueryMessageReactionRequest, BatchQueryMessageReactionRequestBody, CreateFileRequest, CreateFileRequestBody, CreateImageRequest,
    CreateImageRequestBody, CreateMessageReactionRequest, CreateMessageReactionRequestBody, CreatePinRequest, CreatePinRequestBody,
    DeleteBatchMessageRequest, DeleteMessageReactionRequest, DeleteMessageRequest, DeletePinRequest, Emoji, FollowUp, ForwardMessageRequest,
    ForwardMessageRequestBody, ForwardThreadRequest, ForwardThreadRequestBody, GetMessageRequest, GetMessageResourceRequest,
    GetProgressBatchMessageRequest, I18nContent, ListMessageReactionRequest, ListMessageRequest, ListPinRequest, MergeForwardMessageRequest,
    MergeForwardMessageRequestBody, MessageQuery, PatchMessageRequest, PatchMessageRequestBody, PushFollowUpMessageRequest,
    PushFollowUpMessageRequestBody, ReadUserBatchMessageRequest, ReadUsersMessageRequest, ReplyMessageRequest, ReplyMessageRequestBody,
    SearchMessageRequest, SearchMessageRequestBody,
)

from conftest import APP_1, APP_2, fresh, make_group, ok, pages, refused, send, send_text, text_of

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def group(app, people):
    return make_group(app, [person.open_id for person in people[:4]])


def call(app, method, uri, body=None, **queries):
    """A call that the SDK has no method for."""
    request = lark.BaseRequest.builder().http_method(method).uri(uri).token_types({lark.AccessTokenType.TENANT})
    request = request.queries([(name, str(value)) for name, value in queries.items()])
    response = app.request((request.body(body) if body is not None else request).build())
    return response, json.loads(response.raw.content)


def react(app, message_id, emoji):
    kind = Emoji.builder().emoji_type(emoji).build()
    body = CreateMessageReactionRequestBody.builder().reaction_type(kind).build()
    return app.im.v1.message_reaction.create(CreateMessageReactionRequest.builder().message_id(message_id).request_body(body).build())


def unreact(app, message_id, reaction_id):
    return app.im.v1.message_reaction.delete(DeleteMessageReactionRequest.builder().message_id(message_id).reaction_id(reaction_id).build())


def reactions(app, message_id, size=50, emoji=None, id_type="open_id"):
    def build(size, token):
        request = ListMessageReactionRequest.builder().message_id(message_id).page_size(size).user_id_type(id_type)
        request = request.reaction_type(emoji) if emoji else request
        return (request.page_token(token) if token else request).build()

    return pages(app.im.v1.message_reaction.list, build, size)


def pin(app, message_id):
    body = CreatePinRequestBody.builder().message_id(message_id).build()
    return app.im.v1.pin.create(CreatePinRequest.builder().request_body(body).build())


def pins(app, chat_id, size=50, **bounds):
    def build(size, token):
        request = ListPinRequest.builder().chat_id(chat_id).page_size(size)
        for name, value in bounds.items():
            request = getattr(request, name)(value)
        return (request.page_token(token) if token else request).build()

    return pages(app.im.v1.pin.list, build, size)


def forward(app, message_id, receive_id, id_type="chat_id", key=None):
    request = ForwardMessageRequest.builder().message_id(message_id).receive_id_type(id_type)
    request = request.uuid(key) if key else request
    return app.im.v1.message.forward(request.request_body(ForwardMessageRequestBody.builder().receive_id(receive_id).build()).build())


def merge(app, ids, receive_id, id_type="chat_id", key=None):
    body = MergeForwardMessageRequestBody.builder().receive_id(receive_id).message_id_list(ids).build()
    request = MergeForwardMessageRequest.builder().receive_id_type(id_type)
    return app.im.v1.message.merge_forward((request.uuid(key) if key else request).request_body(body).build())


def patch(app, message_id, card):
    body = PatchMessageRequestBody.builder().content(card if isinstance(card, str) else json.dumps(card)).build()
    return app.im.v1.message.patch(PatchMessageRequest.builder().message_id(message_id).request_body(body).build())


def card(text, **config):
    return {"config": {"update_multi": True, **config}, "elements": [{"tag": "markdown", "content": text}]}


def thread_reply(app, message_id, text):
    body = ReplyMessageRequestBody.builder().msg_type("text").content(json.dumps({"text": text})).reply_in_thread(True).build()
    return ok(app.im.v1.message.reply(ReplyMessageRequest.builder().message_id(message_id).request_body(body).build()))


def get(app, message_id, **more):
    request = GetMessageRequest.builder().message_id(message_id)
    for name, value in more.items():
        request = getattr(request, name)(value)
    return ok(app.im.v1.message.get(request.build())).items


def upload(app, data, file_type="stream", name="x.bin", duration=None):
    body = CreateFileRequestBody.builder().file_type(file_type).file_name(name).file(io.BytesIO(data))
    body = body.duration(duration) if duration else body
    return ok(app.im.v1.file.create(CreateFileRequest.builder().request_body(body.build()).build())).file_key


def picture(app):
    body = CreateImageRequestBody.builder().image_type("message").image(io.BytesIO(PNG)).build()
    return ok(app.im.v1.image.create(CreateImageRequest.builder().request_body(body).build())).image_key


# ---- Reactions and pins


def test_a_reaction_is_made_listed_and_taken_back_by_its_id(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    message = send_text(app, chat_id, "on it?")
    made = ok(react(app, message.message_id, "OnIt"))
    assert (made.reaction_type.emoji_type, made.operator.operator_type, made.operator.operator_id) == ("OnIt", "app", APP_1[0])
    assert len(str(made.action_time)) == 13
    assert ok(react(app, message.message_id, "OnIt")).reaction_id == made.reaction_id
    theirs = ok(react(other_app, message.message_id, "THUMBSUP"))
    for size in (1, 50):
        assert [one.reaction_id for one in reactions(app, message.message_id, size)] == [made.reaction_id, theirs.reaction_id]
    assert [one.reaction_id for one in reactions(app, message.message_id, emoji="THUMBSUP")] == [theirs.reaction_id]
    refused(unreact(app, message.message_id, theirs.reaction_id), 231007)
    assert ok(unreact(app, message.message_id, made.reaction_id)).reaction_id == made.reaction_id
    assert [one.reaction_id for one in reactions(app, message.message_id)] == [theirs.reaction_id]


@pytest.mark.parametrize("emoji", ["thumbsup", "Thumbsup", "NO_SUCH", "👍"])
def test_only_published_emoji_are_taken(app, group, emoji):
    refused(react(app, send_text(app, group, "x").message_id, emoji), 231001)


def test_reactions_that_cannot_be_are_refused(app, other_app, group):
    message = send_text(app, group, "x")
    refused(react(other_app, message.message_id, "OK"), 231003, 231002)
    refused(unreact(app, message.message_id, "none"), 231011)
    ok(app.im.v1.message.delete(DeleteMessageRequest.builder().message_id(message.message_id).build()))
    refused(react(app, message.message_id, "OK"), 231003, 230110)


def test_reactions_of_many_messages_in_one_call(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    loved, quiet = send_text(app, chat_id, "loved").message_id, send_text(app, chat_id, "quiet").message_id
    for emoji in ("OK", "HEART"):
        ok(react(app, loved, emoji))
    ok(react(other_app, loved, "OK"))
    queries = [MessageQuery.builder().message_id(one).build() for one in (loved, quiet, "om_none")]
    body = BatchQueryMessageReactionRequestBody.builder().queries(queries).page_size_per_message(2).build()
    found = ok(app.im.v1.message_reaction.batch_query(BatchQueryMessageReactionRequest.builder().user_id_type("open_id").request_body(body).build()))
    [detail, nothing] = found.success_msg_reaction_details
    assert [one.emoji_type for one in detail.message_reaction_items] == ["OK", "HEART"] and detail.has_more and detail.page_token
    assert nothing.message_reaction_items == [] and not nothing.has_more
    counts = {one.reaction_type: one.count for one in found.success_msg_reaction_counts[0].reaction_count}
    assert counts == {"OK": "2", "HEART": "1"}
    assert [(one.message_id, one.fail_reason) for one in found.fail_msg_reaction_details] == [("om_none", "invalid")]


def test_pins_come_newest_first_and_are_the_same_twice(app, people):
    chat_id = make_group(app, [people[0].open_id])
    sent = [send_text(app, chat_id, f"line {number}").message_id for number in range(5)]
    made = [ok(pin(app, one)).pin for one in sent]
    assert ok(pin(app, sent[0])).pin.create_time == made[0].create_time
    assert (made[0].operator_id, made[0].operator_id_type, made[0].chat_id) == (APP_1[0], "app_id", chat_id)
    for size in (2, 50):
        assert [one.message_id for one in pins(app, chat_id, size)] == sent[::-1]
    assert pins(app, chat_id, end_time=str(int(made[0].create_time) - 1)) == []
    for _ in range(2):
        ok(app.im.v1.pin.delete(DeletePinRequest.builder().message_id(sent[2]).build()))
    assert sent[2] not in [one.message_id for one in pins(app, chat_id)]


def test_a_pin_of_a_stranger_is_refused(other_app, app, group):
    refused(pin(other_app, send_text(app, group, "x").message_id), 230050, 230002, 230046)
    refused(pin(app, "om_none"), 99992354)
    refused(other_app.im.v1.pin.list(ListPinRequest.builder().chat_id(group).build()), 230045, 230002)


# ---- Sending on


def test_a_message_is_sent_on_to_a_group_and_to_a_person_once_for_each_uuid(app, group, people):
    target, key = make_group(app, [people[1].open_id]), fresh()
    message = send_text(app, group, "the plan")
    sent = ok(forward(app, message.message_id, target, key=key))
    assert (sent.chat_id, text_of(sent), sent.sender.id) == (target, "the plan", APP_1[0])
    assert ok(forward(app, message.message_id, target, key=key)).message_id == sent.message_id
    assert ok(forward(app, message.message_id, people[1].open_id, id_type="open_id")).chat_id.startswith("oc_")
    root = send_text(app, target, "root")
    thread_id = thread_reply(app, root.message_id, "first").thread_id
    assert ok(forward(app, message.message_id, thread_id, id_type="thread_id")).thread_id == thread_id
    refused(forward(app, message.message_id, "oc_none"), 99992356)
    refused(forward(app, message.message_id, target, id_type="shoe"), 99992402)


def test_merged_messages_come_apart_when_they_are_read(app, group, people):
    target = make_group(app, [people[1].open_id])
    first, second = send_text(app, group, "one").message_id, send_text(app, group, "two").message_id
    data = ok(merge(app, [second, first, "om_none"], target, key=fresh()))
    assert data.message.msg_type == "merge_forward" and data.invalid_message_id_list == ["om_none"]
    [parent, *children] = get(app, data.message.message_id)
    assert [text_of(child) for child in children] == ["one", "two"]
    assert {child.upper_message_id for child in children} == {parent.message_id}
    refused(forward(app, children[0].message_id, target), 230061)
    refused(merge(app, [first, send_text(app, target, "elsewhere").message_id], target), 230069)


def test_a_thread_is_sent_on(app, group, people):
    target = make_group(app, [people[1].open_id])
    root = send_text(app, group, "root")
    thread_id = [thread_reply(app, root.message_id, text).thread_id for text in ("a", "b")][0]
    body = ForwardThreadRequestBody.builder().receive_id(target).build()
    sent = ok(app.im.v1.thread.forward(ForwardThreadRequest.builder().thread_id(thread_id).receive_id_type("chat_id").request_body(body).build()))
    assert [text_of(child) for child in get(app, sent.message_id)[1:]] == ["root", "a", "b"]


# ---- Cards


def test_a_card_is_changed_by_its_sender_and_read_as_it_stands(app, group):
    sent = ok(send(app, group, card("0 %"), msg_type="interactive"))
    for percent in (50, 100):
        ok(patch(app, sent.message_id, card(f"{percent} %")))
    [read] = get(app, sent.message_id, card_msg_content_type="user_card_content")
    assert json.loads(read.body.content) == card("100 %") and read.updated is True


def test_a_card_that_cannot_change_says_why(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    sent = ok(send(app, chat_id, card("x"), msg_type="interactive")).message_id
    single = ok(send(app, chat_id, {"elements": [{"tag": "hr"}]}, msg_type="interactive")).message_id
    refused(patch(other_app, sent, card("y")), 230012, 230027)
    refused(patch(app, single, card("y")), 230099, 230001)
    refused(patch(app, send_text(app, chat_id, "no card").message_id, card("y")), 230001)
    refused(patch(app, sent, "no card"), 230001)
    refused(patch(app, sent, card("x" * 110_000)), 230025)
    broken = patch(app, sent, {"config": {"update_multi": True}, "elements": [{"content": "no tag"}]})
    refused(broken, 230099)
    assert "ErrCode: " in broken.msg and "elements[0]" in broken.msg


def test_a_card_for_one_person_is_sent_and_deleted(app, other_app, group, people):
    body = {"chat_id": group, "open_id": people[0].open_id, "msg_type": "interactive", "card": card("for you")}
    response, reply = call(app, lark.HttpMethod.POST, "/open-apis/ephemeral/v1/send", body)
    assert response.code == 0 and reply["data"]["message_id"].startswith("om_")
    assert all(message.message_id != reply["data"]["message_id"] for message in
               ok(app.im.v1.message.list(ListMessageRequest.builder().container_id_type("chat").container_id(group).build())).items)
    delete = {"message_id": reply["data"]["message_id"]}
    refused(call(other_app, lark.HttpMethod.POST, "/open-apis/ephemeral/v1/delete", delete)[0], 230030)
    for _ in range(2):
        assert call(app, lark.HttpMethod.POST, "/open-apis/ephemeral/v1/delete", delete)[1] == {"code": 0, "msg": "success", "data": {}}
    refused(call(app, lark.HttpMethod.POST, "/open-apis/ephemeral/v1/send", {**body, "open_id": people[9].open_id})[0], 230013)
    refused(call(app, lark.HttpMethod.POST, "/open-apis/interactive/v1/card/update", {"token": "c-none", "card": card("x")})[0], 230001)


def test_follow_ups_go_below_the_last_message_to_one_person(app, people):
    def push(message_id, *texts):
        offers = [FollowUp.builder().content(text).i18n_contents([I18nContent.builder().content(text).language("en_us").build()]).build() for text in texts]
        body = PushFollowUpMessageRequestBody.builder().follow_ups(offers).build()
        return app.im.v1.message.push_follow_up(PushFollowUpMessageRequest.builder().message_id(message_id).request_body(body).build())

    first = ok(send(app, people[12].open_id, {"text": "When?"}, id_type="open_id"))
    ok(push(first.message_id, "Today", "Tomorrow"))
    refused(push(first.message_id, "Today"), 230008)
    refused(push(first.message_id, "x" * 201), 230007, 99992402)
    second = ok(send(app, people[12].open_id, {"text": "Well?"}, id_type="open_id"))
    third = ok(send(app, people[12].open_id, {"text": "Hm?"}, id_type="open_id"))
    refused(push(second.message_id, "Today"), 230006)
    refused(push(third.message_id, "a", "b", "c", "d"), 230007, 99992402)


# ---- Reading


def test_who_has_read_and_who_has_not(app, group, people):
    message = send_text(app, group, "read me")

    def build(size, token):
        request = ReadUsersMessageRequest.builder().message_id(message.message_id).user_id_type("open_id").page_size(size)
        return (request.page_token(token) if token else request).build()

    assert pages(app.im.v1.message.read_users, build, 1) == []
    response, reply = call(app, lark.HttpMethod.GET, f"/open-apis/clarion/v1/messages/{message.message_id}/unread_users", user_id_type="open_id", page_size=100)
    assert response.code == 0
    assert {one["user_id"] for one in reply["data"]["items"]} == {person.open_id for person in people[:4]}
    assert (reply["data"]["read_count"], reply["data"]["unread_count"]) == (0, 4)


def test_a_history_shows_names_and_places(app, group):
    sent = send_text(app, group, "named")
    request = ListMessageRequest.builder().container_id_type("chat").container_id(group).sort_type("ByCreateTimeDesc").page_size(1)
    [read] = ok(app.im.v1.message.list(request.with_sender_name(True).only_thread_root_messages(True).build())).items
    assert read.message_id == sent.message_id and read.sender.sender_name and int(read.message_position) > 0


# ---- To many


def batch_send(app, body):
    return call(app, lark.HttpMethod.POST, "/open-apis/message/v4/batch_send/", body)


def progress(app, batch):
    return ok(app.im.v1.batch_message.get_progress(GetProgressBatchMessageRequest.builder().batch_message_id(batch).build()))


def test_one_message_reaches_many_people_and_can_be_taken_back(app, other_app, people):
    body = {"msg_type": "text", "content": {"text": "to many"}, "open_ids": [person.open_id for person in people[20:30]] + ["ou_none"], "user_ids": [people[23].user_id], "uuid": fresh()}
    response, reply = batch_send(app, body)
    assert response.code == 0 and reply["data"]["invalid_open_ids"] == ["ou_none"]
    batch = reply["data"]["message_id"]
    assert batch.startswith("bm-") and batch_send(app, body)[1]["data"]["message_id"] == batch
    for _ in range(100):
        if progress(app, batch).batch_message_send_progress.success_user_ids_count == 10:
            break
        time.sleep(0.05)
    sent = progress(app, batch).batch_message_send_progress
    assert (sent.valid_user_ids_count, sent.success_user_ids_count, sent.read_user_ids_count) == (10, 10, 0)
    read = ok(app.im.v1.batch_message.read_user(ReadUserBatchMessageRequest.builder().batch_message_id(batch).build())).read_user
    assert (read.read_count, read.total_count) == ("0", "10")
    refused(other_app.im.v1.batch_message.get_progress(GetProgressBatchMessageRequest.builder().batch_message_id(batch).build()), 230001)
    for _ in range(2):
        ok(app.im.v1.batch_message.delete(DeleteBatchMessageRequest.builder().batch_message_id(batch).build()))
    for _ in range(100):
        if progress(app, batch).batch_message_recall_progress.recall_count == 10:
            return
        time.sleep(0.05)
    raise AssertionError(f"not taken back: {progress(app, batch).batch_message_recall_progress.recall_count}")


def test_a_message_to_nobody_is_refused_as_the_old_call_does(app):
    for body, code in (({"msg_type": "text", "content": {"text": "x"}}, 10003), ({"msg_type": "text", "content": {"text": '<at user_id="all"></at>'}, "user_ids": ["e1001"]}, 11235)):
        response, reply = batch_send(app, body)
        assert (response.raw.status_code, reply["code"]) == (200, code)


# ---- Files


def test_a_file_comes_back_with_its_name_whole_and_in_parts(app, group):
    key = upload(app, b"0123456789", name="报告.txt")
    sent = ok(send(app, group, {"file_key": key}, msg_type="file"))
    fetched = app.im.v1.message_resource.get(GetMessageResourceRequest.builder().message_id(sent.message_id).file_key(key).type("file").build())
    assert fetched.success() and fetched.file.read() == b"0123456789" and fetched.file_name == "报告.txt"
    option = lark.RequestOption.builder().headers({"Range": "bytes=2-4"}).build()
    part = app.im.v1.message_resource.get(GetMessageResourceRequest.builder().message_id(sent.message_id).file_key(key).type("file").build(), option)
    assert part.raw.status_code == 206 and part.raw.content == b"234"


def test_a_recording_knows_its_length_and_a_film_its_picture(app, group):
    voice, film, cover = upload(app, b"OggS", "opus", "v.opus", 4200), upload(app, b"\0\0\0\x18ftypmp42", "mp4", "f.mp4", 61000), picture(app)
    assert json.loads(ok(send(app, group, {"file_key": voice}, msg_type="audio")).body.content)["duration"] == 4200
    media = json.loads(ok(send(app, group, {"file_key": film, "image_key": cover}, msg_type="media")).body.content)
    assert (media["image_key"], media["duration"], media["file_name"]) == (cover, 61000, "f.mp4")
    refused(send(app, group, {"file_key": film}, msg_type="file"), 230055)
    refused(send(app, group, {"file_key": voice}, msg_type="media"), 230055)


def test_a_line_is_drawn_in_a_direct_chat_only(app, group, people):
    line = {"type": "divider", "params": {"divider_text": {"text": "New day"}}}
    sent = ok(send(app, people[12].open_id, line, id_type="open_id", msg_type="system"))
    assert json.loads(sent.body.content)["divider_text"]["text"] == "New day"
    refused(send(app, group, line, msg_type="system"), 230018, 230054)


# ---- Not here


def test_what_is_not_here_says_so(app):
    body = SearchMessageRequestBody.builder().query("x").build()
    refused(app.im.v1.message.search(SearchMessageRequest.builder().request_body(body).build()), 230054)


# ---- What cannot be


def test_a_message_that_is_not_there_or_not_for_the_bot_has_no_reactions_and_no_pin(app, other_app, group):
    message = send_text(app, group, "ours").message_id
    nobody = "om_" + "0" * 32
    for client, message_id in ((other_app, message), (app, nobody)):
        refused(client.im.v1.message_reaction.list(ListMessageReactionRequest.builder().message_id(message_id).build()), 231003, 99992354)
        refused(client.im.v1.pin.delete(DeletePinRequest.builder().message_id(message_id).build()), 230050, 99992354)
    body = BatchQueryMessageReactionRequestBody.builder().queries([]).build()
    refused(app.im.v1.message_reaction.batch_query(BatchQueryMessageReactionRequest.builder().request_body(body).build()), 99992402)


def test_a_thread_that_is_not_there_is_not_sent_on(app, group):
    body = ForwardThreadRequestBody.builder().receive_id(group).build()
    request = ForwardThreadRequest.builder().thread_id("omt_" + "0" * 16).receive_id_type("chat_id").request_body(body).build()
    refused(app.im.v1.thread.forward(request), 230019)


def test_a_message_to_many_is_its_senders_affair(app, other_app, people):
    reply = batch_send(app, {"msg_type": "text", "content": {"text": "to some"}, "user_ids": [people[20].user_id]})[1]
    batch = reply["data"]["message_id"]
    refused(other_app.im.v1.batch_message.read_user(ReadUserBatchMessageRequest.builder().batch_message_id(batch).build()), 230001)
    refused(other_app.im.v1.batch_message.delete(DeleteBatchMessageRequest.builder().batch_message_id(batch).build()), 230001)


def test_files_that_are_none_are_refused(app, other_app, group):
    def file(data, file_type):
        body = CreateFileRequestBody.builder().file_type(file_type).file_name("x").file(io.BytesIO(data)).build()
        return app.im.v1.file.create(CreateFileRequest.builder().request_body(body).build())

    def image(data):
        body = CreateImageRequestBody.builder().image_type("message").image(io.BytesIO(data)).build()
        return app.im.v1.image.create(CreateImageRequest.builder().request_body(body).build())

    refused(file(b"", "stream"), 234010)
    refused(file(b"1", "song"), 234001)
    refused(image(b"no picture"), 234011)
    key = upload(app, b"0123456789")
    sent = ok(send(app, group, {"file_key": key}, msg_type="file")).message_id
    elsewhere = upload(app, b"of no message")
    for client, file_key, kind, code in ((app, elsewhere, "file", 234003), (app, key, "song", 99992402), (other_app, key, "file", 234003)):
        request = GetMessageResourceRequest.builder().message_id(sent).file_key(file_key).type(kind).build()
        refused(client.im.v1.message_resource.get(request), code)
