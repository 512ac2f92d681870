"""A business system keeps groups: makes them, names them, fills them, hands them over, and dissolves them."""

import pytest
from lark_oapi.api.im.v1 import (
    CreateChatMembersRequest, CreateChatMembersRequestBody, CreateChatRequest, CreateChatRequestBody, DeleteChatMembersRequest,
    DeleteChatMembersRequestBody, DeleteChatRequest, GetChatMembersRequest, GetChatRequest, IsInChatChatMembersRequest, ListChatRequest,
    UpdateChatRequest, UpdateChatRequestBody,
)

from conftest import APP_1, APP_2, fresh, make_group, ok, pages, refused, send

NO_SUCH_CHAT = "oc_" + "0" * 32


def get_chat(app, chat_id, id_type="open_id"):
    return app.im.v1.chat.get(GetChatRequest.builder().chat_id(chat_id).user_id_type(id_type).build())


def update(app, chat_id, **fields):
    body = UpdateChatRequestBody.builder()
    for name, value in fields.items():
        body = getattr(body, name)(value)
    return app.im.v1.chat.update(UpdateChatRequest.builder().chat_id(chat_id).user_id_type("open_id").request_body(body.build()).build())


def delete(app, chat_id):
    return app.im.v1.chat.delete(DeleteChatRequest.builder().chat_id(chat_id).build())


def add(app, chat_id, ids, id_type="open_id", succeed_type=None):
    request = CreateChatMembersRequest.builder().chat_id(chat_id).member_id_type(id_type).request_body(CreateChatMembersRequestBody.builder().id_list(ids).build())
    if succeed_type is not None:
        request = request.succeed_type(succeed_type)
    return app.im.v1.chat_members.create(request.build())


def remove(app, chat_id, ids, id_type="open_id"):
    body = DeleteChatMembersRequestBody.builder().id_list(ids).build()
    return app.im.v1.chat_members.delete(DeleteChatMembersRequest.builder().chat_id(chat_id).member_id_type(id_type).request_body(body).build())


def members(app, chat_id, id_type="open_id", size=100):
    def build(size, token):
        request = GetChatMembersRequest.builder().chat_id(chat_id).member_id_type(id_type).page_size(size)
        return (request.page_token(token) if token else request).build()

    return pages(app.im.v1.chat_members.get, build, size)


def is_in_chat(app, chat_id):
    return app.im.v1.chat_members.is_in_chat(IsInChatChatMembersRequest.builder().chat_id(chat_id).build())


def chats(app, size=100):
    def build(size, token):
        request = ListChatRequest.builder().page_size(size).sort_type("ByCreateTimeAsc")
        return (request.page_token(token) if token else request).build()

    return pages(app.im.v1.chat.list, build, size)


def test_a_new_group_is_as_it_was_asked_for(app, people):
    three = [person.open_id for person in people[:3]]
    body = CreateChatRequestBody.builder().name("采购审批 Purchase").description("Orders over 1 million").owner_id(three[0]).user_id_list(three[1:]).build()
    made = ok(app.im.v1.chat.create(CreateChatRequest.builder().user_id_type("open_id").set_bot_manager(True).request_body(body).build()))
    assert made.chat_id.startswith("oc_") and made.name == "采购审批 Purchase"
    chat = ok(get_chat(app, made.chat_id))
    assert (chat.name, chat.description, chat.owner_id, chat.owner_id_type) == ("采购审批 Purchase", "Orders over 1 million", three[0], "open_id")
    assert (chat.user_count, chat.bot_count) == ("3", "1"), "counts are texts, the owner is one of the people"
    assert (chat.chat_mode, chat.chat_type, chat.chat_status, chat.external) == ("group", "private", "normal", False)
    assert (chat.add_member_permission, chat.share_card_permission, chat.at_all_permission, chat.moderation_permission) == (
        "all_members", "allowed", "all_members", "all_members")
    assert (chat.edit_permission, chat.urgent_setting, chat.membership_approval) == ("all_members", "all_members", "no_approval_required")
    assert chat.bot_manager_id_list == [APP_1[0]], "set_bot_manager makes the creating bot a manager"
    assert ok(get_chat(app, made.chat_id, "user_id")).owner_id == people[0].user_id


def test_a_group_that_the_bot_owns_has_no_owner_in_the_reply(app, people):
    chat = ok(get_chat(app, make_group(app, [people[0].open_id])))
    assert not chat.owner_id and not chat.owner_id_type


def test_the_same_uuid_makes_one_group(app, people):
    key = fresh()
    body = CreateChatRequestBody.builder().name("once").owner_id(people[0].open_id).build()
    request = CreateChatRequest.builder().user_id_type("open_id").uuid(key).request_body(body).build()
    assert ok(app.im.v1.chat.create(request)).chat_id == ok(app.im.v1.chat.create(request)).chat_id


def test_a_group_with_a_stranger_in_its_list_is_not_made(app, people):
    before = {chat.chat_id for chat in chats(app)}
    body = CreateChatRequestBody.builder().name("x").user_id_list([people[0].open_id, "ou_" + "0" * 32]).build()
    response = app.im.v1.chat.create(CreateChatRequest.builder().user_id_type("open_id").request_body(body).build())
    refused(response, 99992351, 232043, 232024, 232007)
    assert {chat.chat_id for chat in chats(app)} == before


def test_people_of_another_app_are_refused_by_name_of_the_mistake(app, people, people_of_other_app):
    body = CreateChatRequestBody.builder().name("x").user_id_list([people_of_other_app[people[0].user_id].open_id]).build()
    refused(app.im.v1.chat.create(CreateChatRequest.builder().user_id_type("open_id").request_body(body).build()), 99992361)


def test_a_group_for_everybody_is_made_in_one_call(app, people):
    """The 50 people a call of the original are lifted: one call may name thousands."""
    chat_id = make_group(app, [person.open_id for person in people])
    assert ok(get_chat(app, chat_id)).user_count == str(len(people))
    assert {member.member_id for member in members(app, chat_id)} == {person.open_id for person in people}


def test_more_ids_than_any_call_takes_are_refused(app, people):
    body = CreateChatRequestBody.builder().name("x").user_id_list([people[0].open_id] * 10_001).build()
    response = app.im.v1.chat.create(CreateChatRequest.builder().user_id_type("open_id").request_body(body).build())
    assert response.code in (232001, 99992402) and response.raw.status_code == 400


def test_only_what_is_named_changes(app, people):
    chat_id = make_group(app, [people[0].open_id], name="before", description="stays")
    ok(update(app, chat_id, name="after", edit_permission="only_owner"))
    chat = ok(get_chat(app, chat_id))
    assert (chat.name, chat.description, chat.edit_permission, chat.urgent_setting) == ("after", "stays", "only_owner", "all_members")
    ok(update(app, chat_id, urgent_setting="only_owner", at_all_permission="only_owner", add_member_permission="only_owner", share_card_permission="not_allowed"))
    chat = ok(get_chat(app, chat_id))
    assert (chat.urgent_setting, chat.at_all_permission, chat.add_member_permission, chat.share_card_permission) == (
        "only_owner", "only_owner", "only_owner", "not_allowed")


def test_settings_that_contradict_or_do_not_exist_are_refused(app, people):
    chat_id = make_group(app, [people[0].open_id])
    for fields in ({"edit_permission": "everybody"}, {"add_member_permission": "only_owner", "share_card_permission": "allowed"}, {"chat_type": "secret"}):
        response = update(app, chat_id, **fields)
        assert response.code in (232001, 99992402), (fields, response.code, response.msg)


def test_ownership_goes_only_to_a_member(app, people):
    chat_id = make_group(app, [people[0].open_id])
    refused(update(app, chat_id, owner_id=people[5].open_id), 232012)
    ok(update(app, chat_id, owner_id=people[0].open_id))
    assert ok(get_chat(app, chat_id)).owner_id == people[0].open_id


def test_a_stranger_sees_little_and_changes_nothing(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], name="for members", description="inner matters")
    chat = ok(get_chat(other_app, chat_id))
    assert chat.name == "for members" and chat.user_count == "1" and chat.chat_status == "normal"
    assert not chat.description and not chat.owner_id and not chat.edit_permission
    refused(update(other_app, chat_id, name="mine"), 232011)
    refused(delete(other_app, chat_id), 232011, 232017)
    refused(add(other_app, chat_id, [APP_2[0]], "app_id"), 232011)
    response = other_app.im.v1.chat_members.get(GetChatMembersRequest.builder().chat_id(chat_id).build())
    refused(response, 232011)
    assert ok(get_chat(app, chat_id)).name == "for members"


def test_a_chat_that_is_not_there_is_refused_everywhere(app):
    for response in (get_chat(app, NO_SUCH_CHAT), update(app, NO_SUCH_CHAT, name="x"), delete(app, NO_SUCH_CHAT), is_in_chat(app, NO_SUCH_CHAT),
                     add(app, NO_SUCH_CHAT, ["x"], "user_id"), get_chat(app, "not-an-id")):
        refused(response, 232006, 232007, 99992356, 99992355)


def test_people_come_and_go(app, people):
    chat_id = make_group(app, [people[0].open_id])
    data = ok(add(app, chat_id, [people[1].open_id, people[2].open_id]))
    assert not data.invalid_id_list and not data.not_existed_id_list and not data.pending_approval_id_list
    ok(add(app, chat_id, [people[3].user_id], "user_id"))
    ok(add(app, chat_id, [people[4].union_id], "union_id"))
    assert {member.member_id for member in members(app, chat_id)} == {person.open_id for person in people[:5]}
    listed = members(app, chat_id, "user_id")
    assert {(member.member_id, member.name, member.member_id_type) for member in listed} == {(person.user_id, person.name, "user_id") for person in people[:5]}
    ok(add(app, chat_id, [people[1].open_id])), "adding someone who is in already is no error"
    data = ok(remove(app, chat_id, [people[1].open_id, people[2].open_id]))
    assert not data.invalid_id_list
    assert {member.member_id for member in members(app, chat_id)} == {person.open_id for person in (people[0], people[3], people[4])}


def test_member_pages_add_up(app, people):
    chat_id = make_group(app, [person.open_id for person in people[:17]])
    small = [member.member_id for member in members(app, chat_id, size=4)]
    assert sorted(small) == sorted(person.open_id for person in people[:17])
    first = ok(app.im.v1.chat_members.get(GetChatMembersRequest.builder().chat_id(chat_id).page_size(4).build()))
    assert first.member_total == 17 and first.has_more is True and first.page_token
    refused(app.im.v1.chat_members.get(GetChatMembersRequest.builder().chat_id(chat_id).page_size(101).build()), 232001, 99992402)


@pytest.mark.parametrize("succeed_type, added", [(0, False), (1, True), (2, False)])
def test_an_id_of_nobody_among_the_added(app, people, succeed_type, added):
    chat_id = make_group(app, [people[0].open_id])
    nobody = "ou_" + "0" * 32
    response = add(app, chat_id, [people[1].open_id, nobody], succeed_type=succeed_type)
    if succeed_type == 1:
        data = ok(response)
        assert nobody in (data.invalid_id_list or []) + (data.not_existed_id_list or [])
    elif succeed_type == 2 and response.code == 0:
        assert nobody in (response.data.invalid_id_list or []) + (response.data.not_existed_id_list or [])
    else:
        refused(response, 232024, 232043, 232007, 99992351, 232027)
    assert (people[1].open_id in {member.member_id for member in members(app, chat_id)}) == added


def test_a_bot_is_added_by_its_app_id_and_is_not_listed(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id])
    assert ok(is_in_chat(other_app, chat_id)).is_in_chat is False
    ok(add(app, chat_id, [APP_2[0]], "app_id"))
    assert ok(is_in_chat(other_app, chat_id)).is_in_chat is True and ok(is_in_chat(app, chat_id)).is_in_chat is True
    chat = ok(get_chat(app, chat_id))
    assert (chat.user_count, chat.bot_count) == ("1", "2")
    assert [member.member_id for member in members(app, chat_id)] == [people[0].open_id]
    assert chat_id in {listed.chat_id for listed in chats(other_app)}
    refused(delete(other_app, chat_id), 232017)
    ok(remove(other_app, chat_id, [APP_2[0]], "app_id"))
    assert ok(is_in_chat(other_app, chat_id)).is_in_chat is False
    assert chat_id not in {listed.chat_id for listed in chats(other_app)}


def test_an_unknown_bot_cannot_be_added(app, people):
    chat_id = make_group(app, [people[0].open_id])
    refused(add(app, chat_id, ["cli_ffffffffffffffff"], "app_id"), 232021, 232004)


def test_the_owner_cannot_be_put_out(app, people):
    body = CreateChatRequestBody.builder().name("owned").owner_id(people[0].open_id).user_id_list([people[1].open_id]).build()
    chat_id = ok(app.im.v1.chat.create(CreateChatRequest.builder().user_id_type("open_id").set_bot_manager(True).request_body(body).build())).chat_id
    refused(remove(app, chat_id, [people[0].open_id]), 232076)


def test_only_owner_and_managers_add_people_when_the_group_says_so(app, other_app, people, people_of_other_app):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    newcomer = people_of_other_app[people[9].user_id].open_id
    ok(add(other_app, chat_id, [newcomer]))
    ok(update(app, chat_id, add_member_permission="only_owner", share_card_permission="not_allowed"))
    refused(add(other_app, chat_id, [people_of_other_app[people[10].user_id].open_id]), 232002, 232014, 232017, 232016)
    ok(add(app, chat_id, [people[10].open_id]))


def test_the_list_has_every_group_of_the_bot_once_and_no_direct_chats(app, people):
    made = [make_group(app, [people[0].open_id], name=f"listed {number}") for number in range(5)]
    direct = ok(send(app, people[0].open_id, {"text": "hello"}, id_type="open_id")).chat_id
    listed = [chat.chat_id for chat in chats(app, size=3)]
    assert len(set(listed)) == len(listed)
    assert [chat_id for chat_id in listed if chat_id in made] == made, "oldest first"
    assert direct not in listed
    recent = ok(app.im.v1.chat.list(ListChatRequest.builder().sort_type("ByActiveTimeDesc").page_size(100).build()))
    assert len(recent.items) >= 5


def test_a_dissolved_group_is_over(app, people):
    chat_id = make_group(app, [people[0].open_id])
    ok(delete(app, chat_id))
    assert send(app, chat_id, {"text": "anybody?"}).code != 0
    again = delete(app, chat_id)
    assert again.code in (232009, 232006, 232011), again.code
    assert chat_id not in {chat.chat_id for chat in chats(app)}
    seen = get_chat(app, chat_id)
    assert seen.code in (232009, 232006, 232011) or seen.data.chat_status.startswith("dissolved")
