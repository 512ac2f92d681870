// A business system in Node puts its pages around a group's messages: the announcement, the notice on top, tabs, the menu.

import { after, before, beforeEach, describe, test } from "node:test";
import assert from "node:assert/strict";
import { APP_1, codeOf, data, makeGroup, office, refusal, sendText } from "./server.mjs";

const PAGE = "https://example.com/plan";

let server, app, other, people, path;
const NOWHERE = { chat_id: "oc_" + "0".repeat(32) };

before(async () => {
  ({ server, app, other, people } = await office());
});

beforeEach(async () => {
  path = { chat_id: await makeGroup(app, people.slice(0, 2)) };
});

after(() => server?.stop());

describe("an announcement", () => {
  const insert = (content) =>
    JSON.stringify({
      requestType: "InsertBlocksRequestType",
      insertBlocksRequest: {
        payload: JSON.stringify({ blocks: [{ type: "paragraph", paragraph: { elements: [{ type: "textRun", textRun: { text: content, style: {} } }] } }] }),
        location: { zoneId: "0", index: 0, endOfZone: true },
      },
    });
  const read = () => data(app.im.v1.chatAnnouncement.get({ path, params: { user_id_type: "open_id" } }));
  const change = (revision, requests, who = app) => who.im.v1.chatAnnouncement.patch({ path, data: { revision, requests } });

  test("is written with its revision, and read", async () => {
    assert.equal((await read()).revision, "0");
    await data(change("0", [insert("Helmets on")]));
    const written = await read();
    assert.deepEqual([written.revision, written.owner_id_type, written.modifier_id], ["1", "app_id", APP_1.appId]);
    assert.match(written.content, /Helmets on/);
    assert.equal(await codeOf(change("9", [insert("x")])), 232001);
    assert.equal(await codeOf(change("1", ["not JSON"])), 232018);
    assert.equal(await codeOf(change("1", [insert("x")], other)), 232011);
    assert.equal(await codeOf(other.im.v1.chatAnnouncement.get({ path })), 232011);
  });

  test("is of the older kind: the calls of the newer say which to use", async () => {
    const seen = await data(app.docx.v1.chatAnnouncement.get({ path }));
    assert.deepEqual([seen.announcement_type, seen.revision_id], ["doc", 0]);
    assert.equal(await codeOf(app.docx.v1.chatAnnouncement.get({ path: NOWHERE })), 99992356);
    const block = { ...path, block_id: "doxcnblock" };
    const text = { block_type: 2, text: { elements: [{ text_run: { content: "x" } }] } };
    const blocks = app.docx.v1.chatAnnouncementBlock;
    const children = app.docx.v1.chatAnnouncementBlockChildren;
    for (const call of [
      () => blocks.list({ path }),
      () => blocks.get({ path: block }),
      () => blocks.batchUpdate({ path, data: { requests: [{ block_id: "doxcnblock" }] } }),
      () => children.get({ path: block }),
      () => children.create({ path: block, data: { children: [text] } }),
      () => children.batchDelete({ path: block, data: { start_index: 0, end_index: 1 } }),
    ]) {
      const refused = await refusal(call());
      assert.equal(refused.code, 1770001);
      assert.match(refused.msg, /im\/v1\/chats/);
    }
  });
});

describe("the notice on top", () => {
  const put = (notice, who = app) => who.im.v1.chatTopNotice.putTopNotice({ path, data: { chat_top_notice: [notice] } });

  test("is a message of the group, and is taken down", async () => {
    const { message_id } = await data(sendText(app, path.chat_id, "read this"));
    await data(put({ action_type: "1", message_id }));
    await data(app.im.v1.chatTopNotice.deleteTopNotice({ path }));
    await data(app.im.v1.chatTopNotice.deleteTopNotice({ path }));
    assert.equal(await codeOf(put({ action_type: "2" })), 232003);
    assert.equal(await codeOf(put({ action_type: "3" })), 99992402);
    const elsewhere = (await data(sendText(app, await makeGroup(app, people.slice(0, 1)), "of another group"))).message_id;
    assert.equal(await codeOf(put({ action_type: "1", message_id: elsewhere })), 232001);
    assert.equal(await codeOf(other.im.v1.chatTopNotice.deleteTopNotice({ path })), 232011);
  });
});

describe("tabs", () => {
  const tab = (tab_name, fields = {}) => ({ tab_name, tab_type: "url", tab_content: { url: PAGE }, ...fields });
  const create = (chat_tabs) => app.im.v1.chatTab.create({ path, data: { chat_tabs } });
  const list = async (who = app) => (await data(who.im.v1.chatTab.listTabs({ path }))).chat_tabs;

  test("are added, changed, sorted, listed and removed", async () => {
    assert.deepEqual((await list()).map((one) => one.tab_type), ["message", "chat_announcement", "pin"]);
    const made = (await data(create([tab("Plan", { tab_config: { is_built_in: true } }), tab("Doc", { tab_type: "doc", tab_content: { doc: PAGE } })]))).chat_tabs;
    const [plan, doc] = made.slice(-2);
    assert.deepEqual([plan.tab_name, plan.tab_content.url, doc.tab_content.doc], ["Plan", PAGE, PAGE]);
    const changed = (await data(app.im.v1.chatTab.updateTabs({ path, data: { chat_tabs: [{ tab_id: plan.tab_id, tab_name: "Shifts" }] } }))).chat_tabs;
    assert.deepEqual(changed.filter((one) => one.tab_id === plan.tab_id).map((one) => [one.tab_name, one.tab_content.url]), [["Shifts", PAGE]]);
    const ids = changed.map((one) => one.tab_id);
    const order = [ids[0], ...ids.slice(1).reverse()];
    const sorted = (await data(app.im.v1.chatTab.sortTabs({ path, data: { tab_ids: order } }))).chat_tabs;
    assert.deepEqual(sorted.map((one) => one.tab_id), order);
    await data(app.im.v1.chatTab.deleteTabs({ path, data: { tab_ids: [plan.tab_id] } }));
    assert.deepEqual((await list()).map((one) => one.tab_id), order.filter((id) => id !== plan.tab_id));
  });

  test("that cannot be are refused, each with its code", async () => {
    assert.equal(await codeOf(create([tab("x", { tab_content: { url: "javascript:alert(1)" } })])), 232048);
    assert.equal(await codeOf(create([tab("n".repeat(61))])), 232047);
    assert.equal(await codeOf(app.im.v1.chatTab.updateTabs({ path, data: { chat_tabs: [tab("x", { tab_id: "17" })] } })), 232001);
    const ids = (await list()).map((one) => one.tab_id);
    assert.equal(await codeOf(app.im.v1.chatTab.sortTabs({ path, data: { tab_ids: [...ids].reverse() } })), 232001);
    assert.equal(await codeOf(app.im.v1.chatTab.deleteTabs({ path, data: { tab_ids: [ids[0]] } })), 232001);
    assert.equal(await codeOf(other.im.v1.chatTab.listTabs({ path })), 232011);
    await data(create(Array.from({ length: 20 }, (_, number) => tab(`${number}`))));
    assert.equal(await codeOf(create([tab("one more")])), 232046);
  });
});

describe("the menu", () => {
  const entry = (name, url) => ({ name, action_type: url ? "REDIRECT_LINK" : "NONE", ...(url && { redirect_link: { common_url: url } }) });
  const top = (item, below = []) => ({ chat_menu_item: item, children: below.map((child) => ({ chat_menu_item: child })) });
  const create = (chat_menu_top_levels, who = app) => who.im.v1.chatMenuTree.create({ path, data: { menu_tree: { chat_menu_top_levels } } });
  const read = async (who = app) => (await data(who.im.v1.chatMenuTree.get({ path }))).menu_tree.chat_menu_top_levels;

  test("grows, is sorted, changed and shrinks", async () => {
    assert.deepEqual(await read(), []);
    const first = (await data(create([top(entry("Forms"), [entry("Leave", PAGE), entry("Travel", PAGE)])]))).menu_tree.chat_menu_top_levels[0];
    assert.deepEqual(first.children.map((child) => child.chat_menu_item.name), ["Leave", "Travel"]);
    const help = (await data(create([top(entry("Help", PAGE))]))).menu_tree.chat_menu_top_levels[1];
    const order = [help.chat_menu_top_level_id, first.chat_menu_top_level_id];
    const sorted = await data(app.im.v1.chatMenuTree.sort({ path, data: { chat_menu_top_level_ids: order } }));
    assert.deepEqual(sorted.menu_tree.chat_menu_top_levels.map((one) => one.chat_menu_top_level_id), order);
    const changed = await data(
      app.im.v1.chatMenuItem.patch({
        path: { ...path, menu_item_id: first.children[0].chat_menu_second_level_id },
        data: { update_fields: ["NAME", "I18N_NAME"], chat_menu_item: { name: "Holiday", i18n_names: { zh_cn: "请假" } } },
      }),
    );
    assert.deepEqual([changed.chat_menu_item.name, changed.chat_menu_item.i18n_names.zh_cn, changed.chat_menu_item.redirect_link.common_url], ["Holiday", "请假", PAGE]);
    await data(app.im.v1.chatMenuTree.delete({ path, data: { chat_menu_top_level_ids: [first.chat_menu_top_level_id] } }));
    assert.deepEqual((await read()).map((one) => one.chat_menu_item.name), ["Help"]);
  });

  test("that cannot be is refused, each with its code", async () => {
    assert.equal(await codeOf(create([top(entry("Both", PAGE), [entry("below", PAGE)])])), 232078);
    assert.equal(await codeOf(create([top(entry("Many"), Array.from({ length: 6 }, (_, number) => entry(`${number}`, PAGE)))])), 232071);
    await data(create([1, 2, 3].map((number) => top(entry(`${number}`, PAGE)))));
    assert.equal(await codeOf(create([top(entry("four", PAGE))])), 232070);
    const wrong = { path, data: { chat_menu_top_level_ids: ["1", "2", "3"] } };
    assert.equal(await codeOf(app.im.v1.chatMenuTree.sort(wrong)), 232072);
    assert.equal(await codeOf(app.im.v1.chatMenuTree.delete(wrong)), 232072);
    const patch = { path: { ...path, menu_item_id: "17" }, data: { update_fields: ["NAME"], chat_menu_item: { name: "x" } } };
    assert.ok([232072, 232078].includes(await codeOf(app.im.v1.chatMenuItem.patch(patch))));
    assert.equal(await codeOf(other.im.v1.chatMenuTree.get({ path })), 232011);
    assert.equal((await read()).length, 3);
  });
});
