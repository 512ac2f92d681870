"""A business system puts its pages into a group: as tabs above the messages, and as a menu below them."""

import pytest
from lark_oapi.api.im.v1 import (
    ChatMenuItem, ChatMenuItemRedirectLink, ChatMenuSecondLevel, ChatMenuTopLevel, ChatMenuTree, ChatTab, ChatTabConfig, ChatTabContent,
    CreateChatMenuTreeRequest, CreateChatMenuTreeRequestBody, CreateChatTabRequest, CreateChatTabRequestBody, DeleteChatMenuTreeRequest,
    DeleteChatMenuTreeRequestBody, DeleteTabsChatTabRequest, DeleteTabsChatTabRequestBody, GetChatMenuTreeRequest, I18nNames, ListTabsChatTabRequest,
    PatchChatMenuItemRequest, PatchChatMenuItemRequestBody, SortChatMenuTreeRequest, SortChatMenuTreeRequestBody, SortTabsChatTabRequest,
    SortTabsChatTabRequestBody, UpdateTabsChatTabRequest, UpdateTabsChatTabRequestBody,
)

from conftest import APP_2, make_group, ok, refused
from test_chats import update


def tab(name="Plan", url="https://example.com/plan", kind="url", tab_id=None):
    made = ChatTab.builder().tab_name(name).tab_type(kind).tab_content(
        (ChatTabContent.builder().doc(url) if kind == "doc" else ChatTabContent.builder().url(url)).build()
    ).tab_config(ChatTabConfig.builder().is_built_in(True).build())
    return (made.tab_id(tab_id) if tab_id else made).build()


def create(app, chat_id, tabs):
    body = CreateChatTabRequestBody.builder().chat_tabs(tabs).build()
    return app.im.v1.chat_tab.create(CreateChatTabRequest.builder().chat_id(chat_id).request_body(body).build())


def update_tabs(app, chat_id, tabs):
    body = UpdateTabsChatTabRequestBody.builder().chat_tabs(tabs).build()
    return app.im.v1.chat_tab.update_tabs(UpdateTabsChatTabRequest.builder().chat_id(chat_id).request_body(body).build())


def sort(app, chat_id, ids):
    body = SortTabsChatTabRequestBody.builder().tab_ids(ids).build()
    return app.im.v1.chat_tab.sort_tabs(SortTabsChatTabRequest.builder().chat_id(chat_id).request_body(body).build())


def tabs_of(app, chat_id):
    return ok(app.im.v1.chat_tab.list_tabs(ListTabsChatTabRequest.builder().chat_id(chat_id).build())).chat_tabs


def delete(app, chat_id, ids):
    body = DeleteTabsChatTabRequestBody.builder().tab_ids(ids).build()
    return app.im.v1.chat_tab.delete_tabs(DeleteTabsChatTabRequest.builder().chat_id(chat_id).request_body(body).build())


def test_tabs_are_added_changed_sorted_and_removed(app, people):
    chat_id = make_group(app, [people[0].open_id])
    assert tabs_of(app, chat_id)[0].tab_type == "message"
    added = ok(create(app, chat_id, [tab(), tab("Doc", "https://example.com/doc", "doc")])).chat_tabs
    plan, doc = added[-2:]
    assert (plan.tab_name, plan.tab_type, plan.tab_content.url, plan.tab_config.is_built_in) == ("Plan", "url", "https://example.com/plan", True)
    assert (doc.tab_type, doc.tab_content.doc) == ("doc", "https://example.com/doc")
    assert plan.tab_id and plan.tab_id != doc.tab_id
    changed = ok(update_tabs(app, chat_id, [ChatTab.builder().tab_id(plan.tab_id).tab_name("Shift plan").build()])).chat_tabs
    assert [(one.tab_name, one.tab_content.url) for one in changed if one.tab_id == plan.tab_id] == [("Shift plan", "https://example.com/plan")]
    ids = [one.tab_id for one in changed]
    assert [one.tab_id for one in ok(sort(app, chat_id, ids[:1] + ids[:0:-1])).chat_tabs] == ids[:1] + ids[:0:-1]
    refused(sort(app, chat_id, ids[::-1]), 232001), "the messages stay the first"
    refused(sort(app, chat_id, ids[:-1]), 232001)
    refused(delete(app, chat_id, ids[:1]), 232001)
    left = ok(delete(app, chat_id, [plan.tab_id])).chat_tabs
    assert plan.tab_id not in {one.tab_id for one in left} and [one.tab_id for one in tabs_of(app, chat_id)] == [one.tab_id for one in left]


def test_tabs_that_cannot_be_are_refused(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    refused(create(app, chat_id, [tab(url="javascript:alert(1)")]), 232048)
    refused(create(app, chat_id, [tab(name="n" * 61)]), 232047)
    refused(create(app, chat_id, [tab(kind="pin")]), 232001)
    refused(update_tabs(app, chat_id, [tab(tab_id="17")]), 232001)
    ok(create(app, chat_id, [tab(f"{number}") for number in range(20)]))
    refused(create(app, chat_id, [tab("one more")]), 232046)
    ok(update(app, chat_id, edit_permission="only_owner"))
    refused(create(other_app, chat_id, [tab("mine")]), 232055)
    assert len(tabs_of(app, chat_id)) == len(tabs_of(other_app, chat_id)) == 23


def item(name, url=None, **fields):
    made = ChatMenuItem.builder().name(name).action_type("REDIRECT_LINK" if url else "NONE")
    if url:
        made = made.redirect_link(ChatMenuItemRedirectLink.builder().common_url(url).build())
    for field, value in fields.items():
        made = getattr(made, field)(value)
    return made.build()


def top(entry, children=()):
    below = [ChatMenuSecondLevel.builder().chat_menu_item(child).build() for child in children]
    return ChatMenuTopLevel.builder().chat_menu_item(entry).children(below).build()


def add(app, chat_id, entries):
    body = CreateChatMenuTreeRequestBody.builder().menu_tree(ChatMenuTree.builder().chat_menu_top_levels(entries).build()).build()
    return app.im.v1.chat_menu_tree.create(CreateChatMenuTreeRequest.builder().chat_id(chat_id).request_body(body).build())


def menu(app, chat_id):
    return ok(app.im.v1.chat_menu_tree.get(GetChatMenuTreeRequest.builder().chat_id(chat_id).build())).menu_tree.chat_menu_top_levels


def patch(app, chat_id, entry_id, fields, new):
    body = PatchChatMenuItemRequestBody.builder().update_fields(fields).chat_menu_item(new).build()
    return app.im.v1.chat_menu_item.patch(PatchChatMenuItemRequest.builder().chat_id(chat_id).menu_item_id(entry_id).request_body(body).build())


def test_a_menu_grows_is_sorted_changed_and_shrinks(app, people):
    chat_id = make_group(app, [people[0].open_id])
    assert menu(app, chat_id) == []
    made = ok(add(app, chat_id, [top(item("Forms"), [item("Leave", "https://example.com/leave"), item("Travel", "https://example.com/travel")])]))
    forms = made.menu_tree.chat_menu_top_levels[0]
    assert [child.chat_menu_item.name for child in forms.children] == ["Leave", "Travel"]
    help_entry = ok(add(app, chat_id, [top(item("Help", "https://example.com/help"))])).menu_tree.chat_menu_top_levels[1]
    ids = [forms.chat_menu_top_level_id, help_entry.chat_menu_top_level_id]
    sort_body = SortChatMenuTreeRequestBody.builder().chat_menu_top_level_ids(ids[::-1]).build()
    ordered = ok(app.im.v1.chat_menu_tree.sort(SortChatMenuTreeRequest.builder().chat_id(chat_id).request_body(sort_body).build()))
    assert [entry.chat_menu_top_level_id for entry in ordered.menu_tree.chat_menu_top_levels] == ids[::-1]
    child = forms.children[0].chat_menu_second_level_id
    names = I18nNames.builder().zh_cn("请假").build()
    changed = ok(patch(app, chat_id, child, ["NAME", "I18N_NAME"], item("Holiday", "https://example.com/ignored", i18n_names=names))).chat_menu_item
    assert (changed.name, changed.i18n_names.zh_cn, changed.redirect_link.common_url) == ("Holiday", "请假", "https://example.com/leave")
    delete_body = DeleteChatMenuTreeRequestBody.builder().chat_menu_top_level_ids([ids[0]]).build()
    ok(app.im.v1.chat_menu_tree.delete(DeleteChatMenuTreeRequest.builder().chat_id(chat_id).request_body(delete_body).build()))
    assert [entry.chat_menu_item.name for entry in menu(app, chat_id)] == ["Help"]


def test_menus_that_cannot_be_are_refused(app, other_app, people):
    chat_id = make_group(app, [people[0].open_id], bots=[APP_2[0]])
    page = "https://example.com"
    refused(add(app, chat_id, [top(item("Both", page), [item("below", page)])]), 232078)
    refused(add(app, chat_id, [top(item("Many"), [item(str(number), page) for number in range(6)])]), 232071)
    refused(add(app, chat_id, [top(item("Bad", "ftp://example.com"))]), 232078)
    refused(add(app, chat_id, [top(item("x" * 121, page))]), 232078, 232070)
    ok(add(app, chat_id, [top(item(str(number), page)) for number in range(3)]))
    refused(add(app, chat_id, [top(item("four", page))]), 232070)
    body = SortChatMenuTreeRequestBody.builder().chat_menu_top_level_ids(["1", "2", "3"]).build()
    refused(app.im.v1.chat_menu_tree.sort(SortChatMenuTreeRequest.builder().chat_id(chat_id).request_body(body).build()), 232072)
    refused(patch(app, chat_id, "17", ["NAME"], item("x")), 232072, 232078)
    refused(patch(app, chat_id, "17", ["COLOUR"], item("x")), 99992402)
    ok(update(app, chat_id, edit_permission="only_owner"))
    refused(add(other_app, chat_id, [top(item("mine", page))]), 232055)
    assert len(menu(other_app, chat_id)) == 3
