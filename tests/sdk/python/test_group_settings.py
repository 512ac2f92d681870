"""A business system gives a group its whole configuration, finds it again, and says who may do what in it."""

import time

import pytest
from lark_oapi import AccessTokenType, BaseRequest, HttpMethod
from lark_oapi.api.docx.v1 import (
    BatchDeleteChatAnnouncementBlockChildrenRequest, BatchDeleteChatAnnouncementBlockChildrenRequestBody, BatchUpdateChatAnnouncementBlockRequest,
    BatchUpdateChatAnnouncementBlockRequestBody, CreateChatAnnouncementBlockChildrenRequest, CreateChatAnnouncementBlockChildrenRequestBody,
    GetChatAnnouncementBlockChildrenRequest, GetChatAnnouncementBlockRequest, ListChatAnnouncementBlockRequest,
)
from lark_oapi.api.im.v1 import (
    AddManagersChatManagersRequest, AddManagersChatManagersRequestBody, DeleteManagersChatManagersRequest, DeleteManagersChatManagersRequestBody,
    CreateChatRequest, CreateChatRequestBody, DeleteChatMembersRequest, DeleteChatMembersRequestBody, DeleteTopNoticeChatTopNoticeRequest,
    GetChatAnnouncementRequest, GetChatMembersRequest, GetChatModerationRequest, I18nNames, LinkChatRequest, LinkChatRequestBody, ListChatRequest,
    MeJoinChatMembersRequest, PatchChatAnnouncementRequest, PatchChatAnnouncementRequestBody, PutTopNoticeChatTopNoticeRequest,
    PutTopNoticeChatTopNoticeRequestBody, ChatTopNotice, RestrictedModeSetting, SearchChatRequest, UpdateChatModerationRequest,
    UpdateChatModerationRequestBody,
)

from conftest import APP_1, APP_2, fresh, make_group, ok, pages, refused, send, send_text
from test_chats import NO_SUCH_CHAT, add, get_chat, is_in_chat, update


def raw(app, method, path, body=None, **queries):
    """A call that the SDK has no builder for."""
    request = BaseRequest.builder().http_method(method).uri(path).token_types({AccessTokenType.TENANT})
    for name, value in queries.items():
        request = request.queries([*(request.build().queries or []), (name, value)])
    if body is not None:
        request = request.body(body)
    return app.request(request.build())


def data_of(response):
    import json

    assert response.code == 0, response.msg
    return json.loads(response.raw.content)["data"]


def join_requests(app, chat_id):
    return data_of(raw(app, HttpMethod.GET, f"/open-apis/clarion/v1/chats/{chat_id}/join_requests"))


def decide(app, chat_id, ids, decision, id_type="open_id"):
    path = f"/open-apis/clarion/v1/chats/{chat_id}/join_requests"
    return raw(app, HttpMethod.POST, path, {"id_list": ids, "decision": decision}, member_id_type=id_type)


def moderation(app, chat_id, size=100):
    def build(size, token):
        request = GetChatModerationRequest.builder().chat_id(chat_id).user_id_type("open_id").page_size(size)
        return (request.page_token(token) if token else request).build()

    return ok(app.im.v1.chat_moderation.get(build(size, None))).moderation_setting, pages(app.im.v1.chat_moderation.get, build, size)


def moderate(app, chat_id, setting, added=(), removed=()):
    body = UpdateChatModerationRequestBody.builder().moderation_setting(setting).moderator_added_list(list(added)).moderator_removed_list(list(removed)).build()
    return app.im.v1.chat_moderation.update(UpdateChatModerationRequest.builder().chat_id(chat_id).user_id_type("open_id").request_body(body).build())


def search(app, query, size=20):
    def build(size, token):
        request = SearchChatRequest.builder().query(query).page_size(size)
        return (request.page_token(token) if token else request).build()

    return [chat.chat_id for chat in pages(app.im.v1.chat.search, build, size)]


def link(app, chat_id, validity=None):
    body = LinkChatRequestBody.builder()
    body = (body.validity_period(validity) if validity else body).build()
    return app.im.v1.chat.link(LinkChatRequest.builder().chat_id(chat_id).request_body(body).build())


def announcement(app, chat_id):
    return app.im.v1.chat_announcement.get(GetChatAnnouncementRequest.builder().chat_id(chat_id).user_id_type("open_id").build())


def patch_announcement(app, chat_id, revision, requests):
    body = PatchChatAnnouncementRequestBody.builder().revision(revision).requests(requests).build()
    return app.im.v1.chat_announcement.patch(PatchChatAnnouncementRequest.builder().chat_id(chat_id).request_body(body).build())


def put_top(app, chat_id, **fields):
    notice = ChatTopNotice.builder()
    for name, value in fields.items():
        notice = getattr(notice, name)(value)
    body = PutTopNoticeChatTopNoticeRequestBody.builder().chat_top_notice([notice.build()]).build()
    return app.im.v1.chat_top_notice.put_top_notice(PutTopNoticeChatTopNoticeRequest.builder().chat_id(chat_id).request_body(body).build())


def test_the_whole_configuration_is_kept_and_given_back(app, people):
    restricted = RestrictedModeSetting.builder().status(True).screenshot_has_permission_setting("not_anyone").download_has_permission_setting(
        "all_members").message_has_permission_setting("not_anyone").build()
    chat_id = make_group(
        app, [people[0].open_id], i18n_names=I18nNames.builder().zh_cn("夜班").en_us("Night shift").build(), group_message_type="thread",
        video_conference_setting="only_owner", join_message_visibility="only_owner", leave_message_visibility="not_anyone", urgent_setting="only_owner",
        edit_permission="only_owner", hide_member_count_setting="only_owner", restricted_mode_setting=restricted, labels=["plant-2"], toolkit_ids=[7, 8])
    chat = ok(get_chat(app, chat_id))
    assert (chat.i18n_names.zh_cn, chat.i18n_names.en_us, chat.i18n_names.ja_jp) == ("夜班", "Night shift", None)
    assert (chat.group_message_type, chat.video_conference_setting, chat.labels) == ("thread", "only_owner", ["plant-2"])
    assert [int(kit) for kit in chat.toolkit_ids] == [7, 8]
    assert (chat.join_message_visibility, chat.leave_message_visibility) == ("only_owner", "not_anyone")
    mode = chat.restricted_mode_setting
    assert (mode.status, mode.screenshot_has_permission_setting, mode.download_has_permission_setting, mode.message_has_permission_setting) == (
        True, "not_anyone", "all_members", "not_anyone")
    ok(update(app, chat_id, group_message_type="chat", restricted_mode_setting=RestrictedModeSetting.builder().status(False).build()))
    chat = ok(get_chat(app, chat_id))
    assert (chat.group_message_type, chat.restricted_mode_setting.status, chat.i18n_names.en_us) == ("chat", False, "Night shift")


def test_a_restricted_mode_that_restricts_nothing_is_refused(app, people):
    chat_id = make_group(app, [people[0].open_id])
    for status, setting in ((True, "all_members"), (False, "not_anyone")):
        mode = RestrictedModeSetting.builder().status(status).download_has_permission_setting(setting).build()
        refused(update(app, chat_id, restricted_mode_setting=mode), 232001)


def test_names_of_public_groups_are_told_apart(app, other_app, people):
    name = f"Open {fresh()}"
    chat_id = make_group(app, [people[0].open_id], name=name, chat_type="public")
    body = CreateChatRequestBody.builder().name(name.upper()).chat_type("public").build()
    refused(other_app.im.v1.chat.create(CreateChatRequest.builder().request_body(body).build()), 232026)
    private = make_group(other_app, [], name=name)
    refused(update(other_app, private, chat_type="public"), 232026)
    ok(update(app, chat_id, name=f"{name} 2"))
    ok(update(other_app, private, chat_type="public"))
    for short, code in (("", 232042), ("x", 232020)):
        body = CreateChatRequestBody.builder().name(short).chat_type("public").build()
        refused(app.im.v1.chat.create(CreateChatRequest.builder().request_body(body).build()), code)


def test_members_change_names_and_nothing_more(app, other_app, people):
    body = CreateChatRequestBody.builder().name("roles").owner_id(people[0].open_id).bot_id_list([APP_2[0]]).build()
    chat_id = ok(app.im.v1.chat.create(CreateChatRequest.builder().user_id_type("open_id").request_body(body).build())).chat_id
    ok(update(other_app, chat_id, name="renamed by a member", i18n_names=I18nNames.builder().en_us("Renamed").build()))
    refused(update(other_app, chat_id, urgent_setting="only_owner"), 232016)
    refused(update(other_app, chat_id, labels=["x"]), 232016)
    refused(update(other_app, chat_id, owner_id=people[0].open_id), 99992361, 232017)
    # The bot has made the group, but gave it away and has no scope to act as its owner.
    refused(update(app, chat_id, edit_permission="only_owner"), 232016)
    refused(update(app, chat_id, owner_id=people[0].open_id), 232017)
    refused(moderate(app, chat_id, "only_owner"), 232017)
    own = make_group(app, [people[0].open_id], bots=[APP_2[0]], edit_permission="only_owner")
    refused(update(other_app, own, name="again"), 232002)


def test_a_dry_run_says_what_would_change_and_changes_nothing(app, people):
    chat_id = make_group(app, [people[0].open_id], name="before")
    path = f"/open-apis/im/v1/chats/{chat_id}"
    data = data_of(raw(app, HttpMethod.PUT, path, {"name": "after", "urgent_setting": "only_owner", "edit_permission": "all_members"}, dry_run="true"))
    assert data["dry_run"] is True and sorted(data["would_change"]) == ["name", "urgent_setting"]
    added = data_of(raw(app, HttpMethod.POST, f"{path}/members", {"id_list": [people[0].open_id, people[1].open_id]}, dry_run="true"))
    assert added["would_add_id_list"] == [people[1].open_id]
    removed = data_of(raw(app, HttpMethod.DELETE, f"{path}/members", {"id_list": [people[0].open_id, people[1].open_id]}, dry_run="True"))
    assert removed["would_remove_id_list"] == [people[0].open_id]
    chat = ok(get_chat(app, chat_id))
    assert (chat.name, chat.urgent_setting, chat.user_count) == ("before", "all_members", "1")


def test_bots_are_listed_when_they_are_asked_for(app, people):
    chat_id = make_group(app, [person.open_id for person in people[:3]], bots=[APP_2[0]])
    data = data_of(raw(app, HttpMethod.GET, f"/open-apis/im/v1/chats/{chat_id}/members", include_bots="true"))
    bots = {item["member_id"] for item in data["items"] if item["member_id_type"] == "app_id"}
    assert bots == {APP_1[0], APP_2[0]} and data["member_total"] == 5 and len(data["items"]) == 5
    plain = ok(app.im.v1.chat_members.get(GetChatMembersRequest.builder().chat_id(chat_id).build()))
    assert plain.member_total == 3 and len(plain.items) == 3


def test_who_joins_waits_for_consent_and_is_decided_about(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], name=f"Consent {fresh()}", chat_type="public", membership_approval="approval_required")
    me_join = MeJoinChatMembersRequest.builder().chat_id(chat_id).build()
    refused(other_app.im.v1.chat_members.me_join(me_join), 232075)
    refused(other_app.im.v1.chat_members.me_join(me_join), 232075)
    assert ok(is_in_chat(other_app, chat_id)).is_in_chat is False
    waiting = join_requests(app, chat_id)
    assert waiting["total"] == 1 and waiting["items"][0]["user_id"] == APP_2[0] and waiting["has_more"] is False
    assert raw(other_app, HttpMethod.GET, f"/open-apis/clarion/v1/chats/{chat_id}/join_requests").code == 232011
    assert decide(app, chat_id, [APP_2[0]], "perhaps", "app_id").code == 99992402
    assert data_of(decide(app, chat_id, [APP_2[0]], "accept", "app_id"))["decided_id_list"] == [APP_2[0]]
    assert ok(is_in_chat(other_app, chat_id)).is_in_chat is True
    # Now a plain member: whom it adds waits.
    pending = ok(add(other_app, chat_id, [people[3].user_id], "user_id")).pending_approval_id_list
    assert pending == [people[3].user_id]
    assert decide(other_app, chat_id, [people[3].user_id], "accept", "user_id").code == 232002
    assert join_requests(app, chat_id)["items"][0]["asked_by_id"] == APP_2[0]
    assert data_of(decide(app, chat_id, [people[3].open_id, people[4].open_id], "refuse"))["not_waiting_id_list"] == [people[4].open_id]
    assert join_requests(app, chat_id)["total"] == 0 and ok(get_chat(app, chat_id)).user_count == "1"


def test_only_those_on_the_list_post(app, other_app, people):
    chat_id = make_group(app, [person.open_id for person in people[:5]], bots=[APP_2[0]])
    assert moderation(app, chat_id) == ("all_members", [])
    ok(moderate(app, chat_id, "moderator_list", added=[person.open_id for person in people[:4]] + [people[9].open_id]))
    assert send(other_app, chat_id, {"text": "may I?"}).code == 230018
    setting, listed = moderation(app, chat_id, size=3)
    assert setting == "moderator_list" and {item.user_id for item in listed} == {person.open_id for person in people[:4]}, "who is not a member is left out"
    assert ok(get_chat(app, chat_id)).moderation_permission == "moderator_list"
    refused(moderate(app, chat_id, "moderator_list", added=[people[0].open_id], removed=[people[0].open_id]), 232001)
    refused(moderate(other_app, chat_id, "all_members"), 232017)
    ok(moderate(app, chat_id, "moderator_list", removed=[people[0].open_id]))
    body = DeleteChatMembersRequestBody.builder().id_list([people[1].open_id]).build()
    ok(app.im.v1.chat_members.delete(DeleteChatMembersRequest.builder().chat_id(chat_id).member_id_type("open_id").request_body(body).build()))
    assert {item.user_id for item in moderation(app, chat_id)[1]} == {people[2].open_id, people[3].open_id}
    ok(moderate(app, chat_id, "all_members"))
    send_text(other_app, chat_id, "now I may")
    refused(moderate(app, NO_SUCH_CHAT, "all_members"), 99992356)


def test_groups_are_found_by_name_and_by_their_members(app, other_app, people):
    key = fresh()[:12]
    names = [f"{key} one", f"the {key}", f"plain {fresh()}"]
    prefix, inside, by_names = (make_group(app, [people[0].open_id], name=name) for name in names[:2] + [names[2]])
    ok(update(app, by_names, i18n_names=I18nNames.builder().ja_jp(f"{key} 夜勤").build()))
    found = search(app, key.upper(), size=1)
    assert set(found) == {prefix, inside, by_names} and found[-1] == inside, "names that begin so come first"
    assert search(app, f'"{key} one"') == [prefix], "a keyword may stand in quotes"
    assert search(other_app, key) == [], "private groups of others are not found"
    ok(update(app, prefix, chat_type="public"))
    assert search(other_app, key) == [prefix]
    assert search(app, "") == [] and search(app, "x" * 65) == []
    person = people[7]
    ours = make_group(app, [person.open_id], name=fresh())
    assert ours in search(app, person.name, size=100)
    refused(app.im.v1.chat.search(SearchChatRequest.builder().query("a").page_token("nonsense").build()), 99992402)


def test_the_newer_search_filters(app, people):
    key = fresh()[:12]
    mine = make_group(app, [people[0].open_id, people[1].open_id], name=f"{key} a")
    make_group(app, [people[1].open_id], name=f"{key} b")
    path = "/open-apis/im/v2/chats/search"
    data = data_of(raw(app, HttpMethod.POST, path, {"query": key, "filter": {"member_ids": [people[0].open_id]}}))
    assert data["total"] == 1 and data["items"][0]["id"] == mine and data["items"][0]["meta_data"]["name"] == f"{key} a"
    assert data_of(raw(app, HttpMethod.POST, path, {"query": key}))["total"] == 2
    assert data_of(raw(app, HttpMethod.POST, path, {"query": key, "filter": {"search_types": ["public_not_joined"]}}))["total"] == 0
    ok(update(app, mine, chat_type="public"))
    for kind, expected in [("public_joined", [f"{key} a"]), ("private", [f"{key} b"])]:
        data = data_of(raw(app, HttpMethod.POST, path, {"query": key, "filter": {"search_types": [kind]}}))
        assert [item["meta_data"]["name"] for item in data["items"]] == expected, kind


def test_the_list_by_activity_is_of_one_moment(app, people):
    made = [make_group(app, [people[0].open_id], name=f"active {number}") for number in range(6)]
    for chat_id in made:
        send_text(app, chat_id, "first")
        time.sleep(0.01)
    expected = list(reversed(made))
    found, token = [], None
    while True:
        request = ListChatRequest.builder().sort_type("ByActiveTimeDesc").page_size(2)
        data = ok(app.im.v1.chat.list((request.page_token(token) if token else request).build()))
        found += [chat.chat_id for chat in data.items or []]
        # What is written meanwhile moves nothing in this list.
        send_text(app, made[0], "meanwhile")
        token = data.page_token
        if not data.has_more:
            break
    assert len(set(found)) == len(found) and [chat_id for chat_id in found if chat_id in made] == expected


def test_a_link_says_how_long_it_is_good(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    week = ok(link(app, chat_id))
    assert week.share_link.startswith("http") and week.is_permanent is False
    assert abs(int(week.expire_time) - time.time() - 7 * 86_400) < 60
    assert int(ok(link(app, chat_id, "year")).expire_time) > time.time() + 360 * 86_400
    assert ok(link(app, chat_id, "permanently")).is_permanent is True
    refused(link(app, chat_id, "hour"), 99992402)
    ok(update(app, chat_id, add_member_permission="only_owner", share_card_permission="not_allowed"))
    refused(link(other_app, chat_id), 232064)
    direct = ok(send(app, people[0].open_id, {"text": "x"}, id_type="open_id")).chat_id
    refused(link(app, direct), 232062)


def insert(text):
    import json

    payload = {"blocks": [{"type": "paragraph", "paragraph": {"elements": [{"type": "textRun", "textRun": {"text": text, "style": {}}}]}}]}
    return json.dumps({"requestType": "InsertBlocksRequestType", "insertBlocksRequest": {
        "payload": json.dumps(payload), "location": {"zoneId": "0", "index": 0, "endOfZone": True}}})


def test_an_announcement_is_written_and_kept_with_its_revision(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    empty = ok(announcement(app, chat_id))
    assert (empty.revision, empty.content) == ("0", "")
    ok(patch_announcement(app, chat_id, "0", [insert("Helmets on"), insert("Gloves on")]))
    written = ok(announcement(app, chat_id))
    assert written.revision == "1" and "Helmets on" in written.content and written.content.index("Helmets") < written.content.index("Gloves")
    assert (written.owner_id_type, written.owner_id, written.modifier_id) == ("app_id", APP_1[0], APP_1[0])
    ok(patch_announcement(other_app, chat_id, "0", [insert("and boots")])), "a revision may be a little behind"
    assert ok(announcement(app, chat_id)).modifier_id == APP_2[0]
    refused(patch_announcement(app, chat_id, "9", [insert("x")]), 232001)
    refused(patch_announcement(app, chat_id, "2", ['{"requestType":"DeleteContentRangeRequestType"}']), 232018)
    refused(patch_announcement(app, chat_id, "2", ["not JSON"]), 232018)
    path = f"/open-apis/im/v1/chats/{chat_id}/announcement"
    data_of(raw(app, HttpMethod.PATCH, path, {"revision": "2", "content": "plain words"}))
    assert ok(announcement(app, chat_id)).content == "plain words"
    ok(update(app, chat_id, edit_permission="only_owner"))
    refused(patch_announcement(other_app, chat_id, "3", [insert("x")]), 232002)
    new = data_of(raw(app, HttpMethod.GET, f"/open-apis/docx/v1/chats/{chat_id}/announcement"))
    assert new["announcement_type"] == "doc" and new["revision_id"] == 3
    assert raw(app, HttpMethod.GET, f"/open-apis/docx/v1/chats/{chat_id}/announcement/blocks").code == 1770001


def test_one_notice_stands_on_top(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    refused(put_top(app, chat_id, action_type="2"), 232003)
    message = send_text(app, chat_id, "read this")
    ok(put_top(app, chat_id, action_type="1", message_id=message.message_id))
    ok(put_top(app, chat_id, action_type="1", message_id=message.message_id)), "once more is no error"
    elsewhere = send_text(app, make_group(app, [people[0].open_id]), "of another group")
    refused(put_top(app, chat_id, action_type="1", message_id=elsewhere.message_id), 232001)
    refused(put_top(app, chat_id, action_type="3"), 99992402)
    ok(update(app, chat_id, pin_manage_setting="only_owner"))
    refused(put_top(other_app, chat_id, action_type="1", message_id=message.message_id), 232002)
    delete = DeleteTopNoticeChatTopNoticeRequest.builder().chat_id(chat_id).build()
    ok(app.im.v1.chat_top_notice.delete_top_notice(delete))
    ok(app.im.v1.chat_top_notice.delete_top_notice(delete)), "nothing on top is no error"


def test_managers_come_and_go(app, other_app, people):
    chat_id = make_group(app, [person.open_id for person in people[:3]], bots=[APP_2[0]])

    def add_managers(client, ids, id_type="open_id"):
        body = AddManagersChatManagersRequestBody.builder().manager_ids(ids).build()
        return client.im.v1.chat_managers.add_managers(
            AddManagersChatManagersRequest.builder().chat_id(chat_id).member_id_type(id_type).request_body(body).build())

    def delete_managers(client, ids, id_type="open_id"):
        body = DeleteManagersChatManagersRequestBody.builder().manager_ids(ids).build()
        return client.im.v1.chat_managers.delete_managers(
            DeleteManagersChatManagersRequest.builder().chat_id(chat_id).member_id_type(id_type).request_body(body).build())

    ids = [person.open_id for person in people[:2]]
    made = ok(add_managers(app, ids))
    assert sorted(made.chat_managers) == sorted(ids) and made.chat_bot_managers == []
    assert ok(add_managers(app, [APP_2[0]], "app_id")).chat_bot_managers == [APP_2[0]]
    ok(update(other_app, chat_id, urgent_setting="only_owner")), "a manager may"
    refused(add_managers(other_app, [people[2].user_id], "user_id"), 232038)
    refused(delete_managers(other_app, [people[0].user_id], "user_id"), 232038)
    refused(add_managers(app, [people[9].open_id]), 232001)
    assert ok(delete_managers(app, ids[:1])).chat_managers == ids[1:]
    assert ok(delete_managers(app, [APP_2[0]], "app_id")).chat_bot_managers == []
    refused(update(other_app, chat_id, urgent_setting="all_members"), 232016)


def test_the_newer_calls_for_announcements_say_which_to_use(app, people):
    chat_id = make_group(app, [people[0].open_id])
    block, children = app.docx.v1.chat_announcement_block, app.docx.v1.chat_announcement_block_children
    batch = BatchUpdateChatAnnouncementBlockRequestBody.builder().requests([]).build()
    create = CreateChatAnnouncementBlockChildrenRequestBody.builder().children([]).build()
    remove = BatchDeleteChatAnnouncementBlockChildrenRequestBody.builder().start_index(0).end_index(1).build()
    for response in (
        block.list(ListChatAnnouncementBlockRequest.builder().chat_id(chat_id).build()),
        block.get(GetChatAnnouncementBlockRequest.builder().chat_id(chat_id).block_id("b").build()),
        block.batch_update(BatchUpdateChatAnnouncementBlockRequest.builder().chat_id(chat_id).request_body(batch).build()),
        children.get(GetChatAnnouncementBlockChildrenRequest.builder().chat_id(chat_id).block_id("b").build()),
        children.create(CreateChatAnnouncementBlockChildrenRequest.builder().chat_id(chat_id).block_id("b").request_body(create).build()),
        children.batch_delete(BatchDeleteChatAnnouncementBlockChildrenRequest.builder().chat_id(chat_id).block_id("b").request_body(remove).build()),
    ):
        refused(response, 1770001)
        assert "im/v1/chats/:chat_id/announcement" in response.msg
