"""What this server has beyond the platform, by the SDK's raw request: groups of departments, everybody in one call, who changed what, uploads."""

import json
import time

import lark_oapi as lark
import pytest
import requests
from lark_oapi import HttpMethod
from lark_oapi.api.im.v1 import GetFileRequest, GetImageRequest

from conftest import APP_1, APP_2, fresh, make_group, ok, refused, send_text
from test_chats import get_chat, members, update
from test_directory_changes import new_department, new_person
from test_group_settings import data_of, raw
from test_message_acts import PNG, picture, upload
from test_people_and_bots import Person
from test_tokens_and_bot import ask_token


def line_of(app, how_many):
    """A new department with this many new people: its id and their user_ids."""
    department = ok(new_department(app, f"Line {fresh()[:8]}")).department.open_department_id
    return department, [ok(new_person(app, department)).user.user_id for _ in range(how_many)]


def staff(app, chat_id):
    return sorted(member.member_id for member in members(app, chat_id, "user_id"))


def until(what, holds):
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"does not come: {what}")


# ---- Very many people


def test_a_group_follows_its_departments_until_it_is_told_not_to(app, other_app, people):
    department, workers = line_of(app, 2)
    chat_id = make_group(app, [people[0].open_id])
    path = f"/open-apis/clarion/v1/chats/{chat_id}/departments"
    bound = data_of(raw(app, HttpMethod.PUT, path, {"department_ids": [department]}))
    assert (bound["department_ids"], bound["people_count"], bound["added_count"], bound["removed_count"]) == ([department], 2, 2, 0)
    workers.append(ok(new_person(app, department)).user.user_id)
    until("who joins the department is in the group", lambda: workers[-1] in staff(app, chat_id))
    assert data_of(raw(app, HttpMethod.GET, path))["people_count"] == 3
    data_of(raw(app, HttpMethod.DELETE, path))
    assert data_of(raw(app, HttpMethod.GET, path))["department_ids"] == []
    assert staff(app, chat_id) == sorted([*workers, people[0].user_id]), "whoever is in it stays"
    refused(raw(app, HttpMethod.PUT, path, {}), 232001)
    for method in (HttpMethod.PUT, HttpMethod.GET, HttpMethod.DELETE):
        refused(raw(other_app, method, path, {"department_ids": ["0"]}), 232011)


def test_departments_everybody_and_ten_thousand_ids_come_and_go_in_one_call(app, people):
    department, workers = line_of(app, 3)
    chat_id = make_group(app, [people[0].open_id])
    path = f"/open-apis/im/v1/chats/{chat_id}/members"

    def call(method, body, **queries):
        return raw(app, method, path, body, member_id_type="user_id", **queries)

    told = data_of(call(HttpMethod.POST, {"department_ids": [department]}, dry_run="true"))
    assert (sorted(told["would_add_id_list"]), told["would_add_count"], told["dry_run"]) == (sorted(workers), 3, True)
    assert staff(app, chat_id) == [people[0].user_id], "a dry run changes nothing"
    assert data_of(call(HttpMethod.POST, {"department_ids": [department]}))["added_count"] == 3
    assert data_of(call(HttpMethod.DELETE, {"department_ids": [department]}))["removed_count"] == 3
    everybody = data_of(call(HttpMethod.POST, {"everyone": True}))["added_count"]
    assert everybody >= len(people) - 1
    assert data_of(call(HttpMethod.DELETE, {"everyone": True}, dry_run="true"))["would_remove_count"] == everybody + 1
    assert data_of(call(HttpMethod.DELETE, {"everyone": True}))["removed_count"] == everybody + 1
    assert staff(app, chat_id) == []
    ids = [person.user_id for person in people] + [f"nobody-{number}" for number in range(10_000 - len(people))]
    added = data_of(call(HttpMethod.POST, {"id_list": ids}, succeed_type="1"))
    assert (added["added_count"], len(added["not_existed_id_list"])) == (len(people), 10_000 - len(people))
    removed = data_of(call(HttpMethod.DELETE, {"id_list": ids}))
    assert (removed["removed_count"], len(removed["invalid_id_list"])) == (len(people), 10_000 - len(people))
    refused(call(HttpMethod.POST, {"id_list": [*ids, "one-more"]}, succeed_type="1"), 232001, 99992402)
    refused(call(HttpMethod.DELETE, {"department_ids": ["od-nowhere"]}), 40015)


def test_a_group_of_a_department_or_of_everybody_is_made_in_one_call(app, people):
    department, workers = line_of(app, 2)

    def make(**body):
        return raw(app, HttpMethod.POST, "/open-apis/im/v1/chats", {"name": "In one call", **body}, user_id_type="user_id")

    chat_id = data_of(make(department_ids=[department], direct_only=True, user_id_list=[people[0].user_id]))["chat_id"]
    assert staff(app, chat_id) == sorted([*workers, people[0].user_id])
    everybody = data_of(make(everyone=True))["chat_id"]
    assert int(ok(get_chat(app, everybody)).user_count) >= len(people)
    refused(make(department_ids=["od-nowhere"]), 40015)


# ---- Who has not read, who waits, who changed what


def test_those_who_have_not_read_are_listed_page_by_page_and_not_for_strangers(app, other_app, people):
    chat_id = make_group(app, [person.open_id for person in people[:5]])
    path = f"/open-apis/clarion/v1/messages/{send_text(app, chat_id, 'read me').message_id}/unread_users"
    first = data_of(raw(app, HttpMethod.GET, path, user_id_type="user_id", page_size="3"))
    assert (first["read_count"], first["unread_count"], len(first["items"]), first["has_more"]) == (0, 5, 3, True)
    rest = data_of(raw(app, HttpMethod.GET, path, user_id_type="user_id", page_size="3", page_token=first["page_token"]))
    assert {one["user_id"] for one in first["items"] + rest["items"]} == {person.user_id for person in people[:5]} and rest["has_more"] is False
    refused(raw(other_app, HttpMethod.GET, path, user_id_type="user_id"), 230030)


def test_those_who_wait_are_listed_page_by_page(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]], membership_approval="approval_required")
    ids = [person.user_id for person in people[1:5]]
    data_of(raw(other_app, HttpMethod.POST, f"/open-apis/im/v1/chats/{chat_id}/members", {"id_list": ids}, member_id_type="user_id"))
    path = f"/open-apis/clarion/v1/chats/{chat_id}/join_requests"
    first = data_of(raw(app, HttpMethod.GET, path, user_id_type="user_id", page_size="3"))
    rest = data_of(raw(app, HttpMethod.GET, path, user_id_type="user_id", page_size="3", page_token=first["page_token"]))
    assert first["total"] == rest["total"] == 4
    assert sorted(one["user_id"] for one in first["items"] + rest["items"]) == sorted(ids)
    accepted = data_of(raw(app, HttpMethod.POST, path, {"id_list": ids, "decision": "accept"}, member_id_type="user_id"))
    assert sorted(accepted["decided_id_list"]) == sorted(ids)
    assert staff(app, chat_id) == sorted([*ids, people[0].user_id])
    refused(raw(app, HttpMethod.GET, path, page_token="made-up"), 99992402)


def test_the_audit_log_says_who_changed_what(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], name="audited")
    ok(update(app, chat_id, name="renamed"))
    refused(update(other_app, chat_id, name="mine"), 232011)

    def entries(**queries):
        return data_of(raw(app, HttpMethod.GET, "/open-apis/clarion/v1/audit", target_id=chat_id, sort_type="ByCreateTimeAsc", **queries))

    # An entry is written a moment after the answer.
    until("the three entries", lambda: len(entries()["items"]) == 3)
    first = entries(page_size="2")
    listed = first["items"] + entries(page_size="2", page_token=first["page_token"])["items"]
    assert [(entry["app_id"], entry["call"], entry["outcome"], entry["code"]) for entry in listed] == [
        (APP_1[0], "POST im/v1/chats", "done", 0), (APP_1[0], "PUT im/v1/chats/:chat_id", "done", 0), (APP_2[0], "PUT im/v1/chats/:chat_id", "refused", 232011)]
    assert listed[0]["body"]["name"] == "audited" and listed[0]["address"] == "127.0.0.1" and listed[0]["log_id"]
    assert [entry["app_id"] for entry in entries(call="PUT im/v1/chats/:chat_id", app_id=APP_2[0])["items"]] == [APP_2[0]]
    assert entries(start_time="4000000000")["items"] == []
    refused(raw(app, HttpMethod.GET, "/open-apis/clarion/v1/audit", page_token="made-up"), 99992402)
    refused(raw(other_app, HttpMethod.GET, "/open-apis/clarion/v1/audit"), 99991672)


# ---- Files


def test_an_upload_in_parts_goes_on_after_a_kill_of_the_server(server, app, other_app):
    whole = b"0123456789" * 20_000
    begun = data_of(raw(app, HttpMethod.POST, "/open-apis/clarion/v1/uploads", {"file_name": "大.bin", "size_bytes": len(whole), "file_type": "stream"}))
    path = f"/open-apis/clarion/v1/uploads/{begun['upload_id']}"
    assert (begun["offset"], begun["size_bytes"], begun["finished"]) == (0, len(whole), False)
    # The SDK makes JSON of every body: the bytes themselves go beside it, with its token.
    head = {"Authorization": "Bearer " + ask_token(app, *APP_1)[1]["tenant_access_token"]}

    def put(offset, part):
        return requests.put(server.url + path, params={"offset": offset}, data=part, headers=head, timeout=20).json()

    assert put(0, whole[:70_000])["data"]["offset"] == 70_000
    assert put(0, whole[:10])["code"] == 234001
    refused(raw(app, HttpMethod.POST, path + "/finish"), 234001)
    server.restart_after_kill()
    offset = data_of(raw(app, HttpMethod.GET, path))["offset"]
    assert offset == 70_000 and put(offset, whole[offset:])["data"]["offset"] == len(whole)
    finished = data_of(raw(app, HttpMethod.POST, path + "/finish"))
    assert data_of(raw(app, HttpMethod.POST, path + "/finish")) == finished and finished["size_bytes"] == len(whole)
    fetched = app.im.v1.file.get(GetFileRequest.builder().file_key(finished["file_key"]).build())
    assert fetched.success() and fetched.file.read() == whole and fetched.file_name == "大.bin"
    refused(raw(other_app, HttpMethod.GET, path), 234008)


def test_an_upload_is_let_go_and_one_that_cannot_be_is_not_begun(app):
    begun = data_of(raw(app, HttpMethod.POST, "/open-apis/clarion/v1/uploads", {"file_name": "x.png", "size_bytes": 9, "kind": "image"}))
    path = f"/open-apis/clarion/v1/uploads/{begun['upload_id']}"
    data_of(raw(app, HttpMethod.DELETE, path))
    refused(raw(app, HttpMethod.GET, path), 234008)
    for wrong in ({"file_name": "x"}, {"file_name": "x", "size_bytes": 9, "kind": "song"}):
        refused(raw(app, HttpMethod.POST, "/open-apis/clarion/v1/uploads", wrong), 234001, 99992402)


def test_what_an_app_has_uploaded_is_its_own(app, other_app):
    image, file = picture(app), upload(app, b"0123456789", name="own.txt")
    fetched = app.im.v1.image.get(GetImageRequest.builder().image_key(image).build())
    assert fetched.success() and fetched.file.read() == PNG
    refused(other_app.im.v1.image.get(GetImageRequest.builder().image_key(image).build()), 234008)
    refused(other_app.im.v1.file.get(GetFileRequest.builder().file_key(file).build()), 234008)
    refused(app.im.v1.image.get(GetImageRequest.builder().image_key("img_v3_nobody").build()), 234001)
    refused(app.im.v1.file.get(GetFileRequest.builder().file_key("file_v3_nobody").build()), 234001)


# ---- Without a token


@pytest.fixture
def owner(server, people):
    person = Person(server, people[0].email)
    yield person
    person.close()


def without_token(app, method, path, body=None):
    request = lark.BaseRequest.builder().http_method(method).uri(path).token_types(set())
    return app.request((request.body(body) if body is not None else request).build())


def test_a_groups_own_bot_says_what_is_posted_to_its_address(app, owner):
    made = owner.ask("create_group", {"client_message_id": fresh(), "name": "Alarms", "user_ids": [APP_1[0]]})
    bot = owner.ask("add_custom_bot", {"chat_id": made["chat_id"], "client_message_id": fresh(), "name": "Siren", "checks": {"keywords": ["pump"]}})
    path = bot["url"][bot["url"].index("/open-apis/"):]
    posted = without_token(app, HttpMethod.POST, path, {"msg_type": "text", "content": {"text": "pump 4 is hot"}})
    assert json.loads(posted.raw.content) == {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}
    owner.said(made["chat_id"], "pump 4 is hot")
    older = path.replace("/v2/hook/", "/hook/")
    assert without_token(app, HttpMethod.POST, older, {"title": "pump 5", "text": "is cold"}).code == 0
    refused(without_token(app, HttpMethod.POST, path, {"msg_type": "text", "content": {"text": "something else"}}), 19024)
    refused(without_token(app, HttpMethod.POST, path, {"msg_type": "audio", "content": {"text": "pump"}}), 19002)
    refused(without_token(app, HttpMethod.POST, older[:-4] + "0000", {"title": "x", "text": "pump"}), 19001)


def test_who_has_no_picture_is_shown_by_a_letter(app, people):
    address = people[0].avatar.avatar_72
    path = address[address.index("/open-apis/"):]
    shown = without_token(app, HttpMethod.GET, path)
    assert shown.raw.status_code == 200 and shown.raw.content.startswith(b"<svg")
    assert without_token(app, HttpMethod.GET, "/open-apis/clarion/v1/avatars/none-at-all").raw.status_code == 404


def test_the_description_names_every_call_that_the_sdks_know_here(app):
    described = json.loads(without_token(app, HttpMethod.GET, "/open-apis/openapi.json").raw.content)
    assert described["openapi"].startswith("3.1") and "post" in described["paths"]["/open-apis/im/v1/messages"]
