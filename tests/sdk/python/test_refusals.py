"""What a business system may not know of groups that it is not in, and what an HR system may not make of people and departments."""

import pytest
from lark_oapi import HttpMethod
from lark_oapi.api.contact.v3 import (
    BatchDepartmentRequest, Department, ParentDepartmentRequest, ResurrectUserRequest, ResurrectUserRequestBody, UpdateDepartmentIdDepartmentRequest,
    UpdateDepartmentIdDepartmentRequestBody, UpdateDepartmentRequest, UpdateUserRequest,
)
from lark_oapi.api.docx.v1 import GetChatAnnouncementRequest as GetNewerAnnouncementRequest
from lark_oapi.api.im.v1 import (
    DeleteChatMenuTreeRequest, DeleteChatMenuTreeRequestBody, DeleteTopNoticeChatTopNoticeRequest, GetChatAnnouncementRequest, GetChatMenuTreeRequest,
    GetChatModerationRequest, ListChatRequest, ListTabsChatTabRequest, MeJoinChatMembersRequest,
)

from conftest import fresh, make_group, ok, refused
from test_chats import is_in_chat
from test_contact import NO_DEPARTMENT
from test_directory_changes import body_of, new_department, new_person
from test_group_settings import raw


@pytest.mark.parametrize("act", [
    lambda client, chat: client.im.v1.chat_announcement.get(GetChatAnnouncementRequest.builder().chat_id(chat).build()),
    lambda client, chat: client.docx.v1.chat_announcement.get(GetNewerAnnouncementRequest.builder().chat_id(chat).build()),
    lambda client, chat: client.im.v1.chat_tab.list_tabs(ListTabsChatTabRequest.builder().chat_id(chat).build()),
    lambda client, chat: client.im.v1.chat_menu_tree.get(GetChatMenuTreeRequest.builder().chat_id(chat).build()),
    lambda client, chat: client.im.v1.chat_moderation.get(GetChatModerationRequest.builder().chat_id(chat).build()),
    lambda client, chat: client.im.v1.chat_top_notice.delete_top_notice(DeleteTopNoticeChatTopNoticeRequest.builder().chat_id(chat).build()),
    lambda client, chat: client.im.v1.chat_menu_tree.delete(DeleteChatMenuTreeRequest.builder().chat_id(chat).request_body(
        DeleteChatMenuTreeRequestBody.builder().chat_menu_top_level_ids(["1"]).build()).build()),
], ids=["announcement", "newer announcement", "tabs", "menu", "moderation", "top notice", "menu entries"])
def test_what_stands_around_a_group_is_for_those_in_it(app, other_app, people, act):
    refused(act(other_app, make_group(app, [people[0].open_id])), 232011)


def test_a_bot_joins_what_is_public_and_not_what_is_private(app, other_app, people):
    def join(chat_id):
        return other_app.im.v1.chat_members.me_join(MeJoinChatMembersRequest.builder().chat_id(chat_id).build())

    public = make_group(app, [people[0].open_id], name=f"Open {fresh()}", chat_type="public")
    ok(join(public))
    assert ok(is_in_chat(other_app, public)).is_in_chat is True
    refused(join(make_group(app, [people[0].open_id])), 232011)


def test_a_page_that_was_never_given_out_is_refused(app):
    refused(app.im.v1.chat.list(ListChatRequest.builder().page_token("made-up").build()), 99992402)
    refused(raw(app, HttpMethod.POST, "/open-apis/im/v2/chats/search", {"query": "x"}, page_token="made-up"), 99992402)
    # The SDK sends this one as a person only; a raw request goes as the app.
    refused(raw(app, HttpMethod.POST, "/open-apis/contact/v3/departments/search", {"query": "x" * 65}), 99992402)


def test_departments_that_cannot_be_are_refused(app):
    name = fresh()[:8]
    first, second = (ok(new_department(app, f"{side} {name}", department_id=f"{side}{name}")).department for side in ("L", "R"))

    def renamed(department, **fields):
        body = Department.builder().parent_department_id("0")
        for field, value in fields.items():
            body = getattr(body, field)(value)
        return app.contact.v3.department.update(UpdateDepartmentRequest.builder().department_id(department).request_body(body.build()).build())

    def given_id(department, chosen):
        body = UpdateDepartmentIdDepartmentRequestBody.builder().new_department_id(chosen).build()
        return app.contact.v3.department.update_department_id(
            UpdateDepartmentIdDepartmentRequest.builder().department_id(department).request_body(body).build())

    refused(renamed(first.open_department_id, name=second.name), 43022)
    refused(renamed(first.open_department_id), 40001)
    refused(renamed(NO_DEPARTMENT, name="x"), 40015)
    refused(given_id(first.open_department_id, second.department_id), 43007)
    refused(given_id(first.open_department_id, "od-x"), 43008)
    refused(app.contact.v3.department.parent(ParentDepartmentRequest.builder().department_id(NO_DEPARTMENT).build()), 40015)
    request = BatchDepartmentRequest.builder().department_ids([first.open_department_id]).department_id_type("colour").build()
    refused(app.contact.v3.department.batch(request), 40001)


def test_people_who_cannot_be_are_refused(app):
    department = ok(new_department(app, fresh())).department.open_department_id
    person, other = (ok(new_person(app, department)).user for _ in range(2))

    def whole(user_id, **fields):
        request = UpdateUserRequest.builder().user_id(user_id).user_id_type("user_id").request_body(body_of(department, **fields))
        return app.contact.v3.user.update(request.build())

    refused(whole(person.user_id, mobile=other.mobile), 41001)
    refused(whole(person.user_id, name=""), 40001)
    refused(whole("no-such-person"), 99992360)
    back = ResurrectUserRequest.builder().user_id("no-such-person").user_id_type("user_id").request_body(ResurrectUserRequestBody.builder().build())
    refused(app.contact.v3.user.resurrect(back.build()), 99992360)
