// A business system in Node keeps groups: their configuration, members, managers, owner, and who may post.

import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { APP_1, APP_2, all, byStaffNumber, codeOf, data, everybody, fresh, makeGroup, office, sendText } from "./server.mjs";

const NOBODY = "ou_" + "0".repeat(32);
const NO_GROUP = "oc_" + "0".repeat(32);
const AS_OPEN_ID = { user_id_type: "open_id" };

let server, app, other, people, otherPeople;

before(async () => {
  ({ server, app, other, people } = await office());
  otherPeople = await byStaffNumber(other);
});

after(() => server?.stop());

const ids = (...numbers) => numbers.map((number) => people[number].open_id);
const get = (chat_id, who = app) => data(who.im.v1.chat.get({ path: { chat_id }, params: AS_OPEN_ID }));
const update = (chat_id, fields, who = app) => who.im.v1.chat.update({ path: { chat_id }, params: AS_OPEN_ID, data: fields });
const add = (chat_id, id_list, params = {}, who = app) =>
  who.im.v1.chatMembers.create({ path: { chat_id }, params: { member_id_type: "open_id", ...params }, data: { id_list } });
const remove = (chat_id, id_list, who = app) =>
  who.im.v1.chatMembers.delete({ path: { chat_id }, params: { member_id_type: "open_id" }, data: { id_list } });
const members = async (chat_id, page_size = 100) =>
  (await all(app.im.v1.chatMembers.getWithIterator({ path: { chat_id }, params: { member_id_type: "open_id", page_size } }))).map((member) => member.member_id);

const CONFIGURATION = {
  description: "Furnace 2, all shifts",
  i18n_names: { zh_cn: "二号炉", en_us: "Furnace 2" },
  group_message_type: "thread",
  chat_type: "private",
  join_message_visibility: "only_owner",
  leave_message_visibility: "not_anyone",
  membership_approval: "approval_required",
  urgent_setting: "only_owner",
  video_conference_setting: "only_owner",
  edit_permission: "only_owner",
  hide_member_count_setting: "only_owner",
  restricted_mode_setting: {
    status: true,
    screenshot_has_permission_setting: "not_anyone",
    download_has_permission_setting: "all_members",
    message_has_permission_setting: "not_anyone",
  },
  labels: ["plant-2"],
};

describe("a group's configuration", () => {
  test("is kept as it was asked for, every field of it, in one group for one uuid", async () => {
    const made = {
      params: { ...AS_OPEN_ID, set_bot_manager: true, uuid: fresh() },
      data: { ...CONFIGURATION, name: "2 号炉", chat_mode: "group", owner_id: people[0].open_id, user_id_list: ids(1, 2), bot_id_list: [APP_2.appId], toolkit_ids: ["7"] },
    };
    const { chat_id } = await data(app.im.v1.chat.create(made));
    assert.equal((await data(app.im.v1.chat.create(made))).chat_id, chat_id);
    const chat = await get(chat_id);
    for (const [field, value] of Object.entries(CONFIGURATION)) assert.deepEqual(chat[field], value, field);
    assert.deepEqual([chat.name, chat.owner_id, chat.owner_id_type, chat.bot_manager_id_list], ["2 号炉", people[0].open_id, "open_id", [APP_1.appId]]);
    assert.deepEqual([chat.user_count, chat.bot_count, chat.external, chat.chat_status], ["3", "2", false, "normal"]);
    assert.deepEqual(chat.toolkit_ids.map(Number), [7]);
  });

  test("that contradicts itself or names nobody makes no group", async () => {
    const make = (fields) => app.im.v1.chat.create({ params: AS_OPEN_ID, data: { name: "never made", ...fields } });
    assert.ok([232001, 99992402].includes(await codeOf(make({ edit_permission: "everybody" }))));
    assert.equal(await codeOf(make({ owner_id: NOBODY })), 99992351);
    assert.ok([232021, 232004].includes(await codeOf(make({ bot_id_list: ["cli_ffffffffffffffff"] }))));
    const stranger = otherPeople.get(people[0].user_id).open_id;
    assert.equal(await codeOf(make({ user_id_list: [stranger] })), 99992361);
    const listed = await all(app.im.v1.chat.listWithIterator({ params: { page_size: 100 } }));
    assert.ok(!listed.some((chat) => chat.name === "never made"));
  });

  test("changes where it is named, and stays where it is not", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 2), { description: "stays" });
    await data(update(chat_id, { name: "after", moderation_permission: "only_owner", pin_manage_setting: "only_owner", at_all_permission: "only_owner" }));
    const chat = await get(chat_id);
    assert.deepEqual([chat.name, chat.description, chat.moderation_permission, chat.pin_manage_setting, chat.at_all_permission, chat.urgent_setting],
      ["after", "stays", "only_owner", "only_owner", "only_owner", "all_members"]);
    assert.equal(await codeOf(update(chat_id, { add_member_permission: "only_owner", share_card_permission: "allowed" })), 99992402);
    assert.equal(await codeOf(update(chat_id, { restricted_mode_setting: { status: true } })), 232001);
  });

  test("is not a stranger's to see or to change", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 2), { description: "inner matters" });
    const seen = await get(chat_id, other);
    assert.deepEqual([seen.name, seen.user_count, seen.chat_status], ["Wartung 检修", "2", "normal"]);
    assert.deepEqual([seen.description, seen.owner_id, seen.edit_permission], [undefined, undefined, undefined]);
    assert.equal(await codeOf(update(chat_id, { name: "mine" }, other)), 232011);
    assert.equal(await codeOf(other.im.v1.chat.delete({ path: { chat_id } })), 232011);
  });

  test("of an owner who is handed the group goes with it", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 2));
    assert.equal(await codeOf(update(chat_id, { owner_id: people[5].open_id })), 232012);
    await data(update(chat_id, { owner_id: people[1].open_id, name: "handed over" }));
    const chat = await get(chat_id);
    assert.deepEqual([chat.owner_id, chat.name], [people[1].open_id, "handed over"]);
    assert.equal(await codeOf(update(chat_id, { owner_id: people[0].open_id })), 232017);
    assert.equal(await codeOf(app.im.v1.chat.delete({ path: { chat_id } })), 232017);
  });
});

describe("groups", () => {
  test("are listed in both orders, each once, and a made-up page is refused", async () => {
    const made = [];
    for (let number = 0; number < 5; number += 1) {
      made.push(await makeGroup(app, people.slice(0, 1), { name: `order ${number}` }));
      await data(sendText(app, made.at(-1), "begins"));
    }
    for (const [sort_type, wanted] of [["ByCreateTimeAsc", made], ["ByActiveTimeDesc", [...made].reverse()]]) {
      const listed = (await all(app.im.v1.chat.listWithIterator({ params: { ...AS_OPEN_ID, sort_type, page_size: 2 } }))).map((chat) => chat.chat_id);
      assert.equal(new Set(listed).size, listed.length);
      assert.deepEqual(listed.filter((id) => made.includes(id)), wanted, sort_type);
    }
    assert.equal(await codeOf(app.im.v1.chat.list({ params: { page_token: "made-up" } })), 99992402);
  });

  test("are found by a part of their name, those of others only when they are public", async () => {
    const key = fresh().slice(0, 12);
    const mine = [];
    for (const name of [`${key} a`, `b ${key}`, `c ${key}`]) mine.push(await makeGroup(app, people.slice(0, 1), { name }));
    const found = async (who) => (await all(who.im.v1.chat.searchWithIterator({ params: { ...AS_OPEN_ID, query: key, page_size: 1 } }))).map((chat) => chat.chat_id);
    assert.deepEqual((await found(app)).sort(), [...mine].sort());
    assert.deepEqual(await found(other), []);
    await data(update(mine[2], { chat_type: "public" }));
    assert.deepEqual(await found(other), [mine[2]]);
    const filtered = (filter, who = app) => all(who.im.v2.chat.searchWithIterator({ params: { page_size: 2 }, data: { query: key, filter } }));
    assert.deepEqual((await filtered({ member_ids: ids(0) })).map((entry) => entry.id).sort(), [...mine].sort());
    assert.deepEqual(await filtered({ member_ids: ids(0, 1) }), []);
    assert.deepEqual((await filtered({ search_types: ["public_not_joined"] }, other)).map((entry) => entry.meta_data.name), [`c ${key}`]);
    assert.equal(await codeOf(app.im.v1.chat.search({ params: { query: key, page_token: "made-up" } })), 99992402);
    assert.equal(await codeOf(app.im.v2.chat.search({ params: { page_token: "made-up" }, data: { query: key } })), 99992402);
  });

  test("have links that end when they say", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 1));
    const link = (validity_period, who = app) => who.im.v1.chat.link({ path: { chat_id }, data: { validity_period } });
    const week = await data(link("week"));
    assert.match(week.share_link, /^http/);
    assert.deepEqual([week.is_permanent, Number(week.expire_time) > Date.now() / 1000], [false, true]);
    assert.equal((await data(link("permanently"))).is_permanent, true);
    assert.equal(await codeOf(link("hour")), 99992402);
    assert.equal(await codeOf(link("week", other)), 232011);
  });

  test("that are dissolved are over", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 1));
    await data(app.im.v1.chat.delete({ path: { chat_id } }));
    assert.ok([232009, 232006, 232011].includes(await codeOf(app.im.v1.chat.delete({ path: { chat_id } }))));
    assert.equal(await codeOf(add(NO_GROUP, ids(1))), 99992356);
  });
});

describe("members", () => {
  test("are added and removed, and walked by the iterator whatever the page", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 3));
    const added = await data(add(chat_id, ids(1, 4, 5, 6)));
    assert.deepEqual([added.invalid_id_list, added.not_existed_id_list, added.pending_approval_id_list], [[], [], []]);
    for (const size of [1, 3, 100]) assert.deepEqual((await members(chat_id, size)).sort(), ids(0, 1, 2, 4, 5, 6).sort());
    assert.deepEqual((await data(remove(chat_id, ids(0, 4)))).invalid_id_list, []);
    assert.deepEqual((await members(chat_id)).sort(), ids(1, 2, 5, 6).sort());
    assert.ok([232001, 99992402].includes(await codeOf(app.im.v1.chatMembers.get({ path: { chat_id }, params: { page_size: 101 } }))));
    assert.equal(await codeOf(remove(chat_id, ids(1), other)), 232011);
    const owned = await makeGroup(app, people.slice(0, 2), { owner_id: people[0].open_id });
    assert.equal(await codeOf(app.im.v1.chatMembers.create({ path: { chat_id: owned }, params: { member_id_type: "shoe_size" }, data: { id_list: ["44"] } })), 99992402);
  });

  test("with an id of nobody among them are refused, or come without it, as succeed_type says", async () => {
    for (const [succeed_type, comes] of [[0, false], [1, true], [2, false]]) {
      const chat_id = await makeGroup(app, people.slice(0, 1));
      const wanted = add(chat_id, [people[1].open_id, NOBODY], { succeed_type });
      if (succeed_type === 1) {
        const { invalid_id_list, not_existed_id_list } = await data(wanted);
        assert.deepEqual([...invalid_id_list, ...not_existed_id_list], [NOBODY]);
      } else assert.ok([232024, 232043, 232027, 99992351].includes(await codeOf(wanted)));
      assert.equal((await members(chat_id)).includes(people[1].open_id), comes, `succeed_type ${succeed_type}`);
    }
  });

  test("are bots too: they join what is public, wait where consent is needed, and leave", async () => {
    const open = await makeGroup(app, people.slice(0, 1), { name: `Open ${fresh()}`, chat_type: "public" });
    const inside = async (chat_id) => (await data(other.im.v1.chatMembers.isInChat({ path: { chat_id } }))).is_in_chat;
    const join = (chat_id) => other.im.v1.chatMembers.meJoin({ path: { chat_id } });
    assert.equal(await inside(open), false);
    await data(join(open));
    assert.equal(await inside(open), true);
    const leave = { path: { chat_id: open }, params: { member_id_type: "app_id" }, data: { id_list: [APP_2.appId] } };
    await data(other.im.v1.chatMembers.delete(leave));
    assert.equal(await inside(open), false);
    const closed = await makeGroup(app, people.slice(0, 1), { name: `Consent ${fresh()}`, chat_type: "public", membership_approval: "approval_required" });
    assert.equal(await codeOf(join(closed)), 232075);
    assert.equal(await inside(closed), false);
    const hidden = await makeGroup(app, people.slice(0, 1));
    assert.equal(await codeOf(join(hidden)), 232011);
    assert.equal(await codeOf(app.im.v1.chatMembers.isInChat({ path: { chat_id: NO_GROUP } })), 99992356);
  });

  test("become managers and ordinary again, people and bots", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 3), { bot_id_list: [APP_2.appId] });
    const change = (act, manager_ids, member_id_type = "open_id", who = app) =>
      who.im.v1.chatManagers[act]({ path: { chat_id }, params: { member_id_type }, data: { manager_ids } });
    const made = await data(change("addManagers", ids(1, 2)));
    assert.deepEqual([made.chat_managers.sort(), made.chat_bot_managers], [ids(1, 2).sort(), []]);
    assert.deepEqual((await data(change("addManagers", [APP_2.appId], "app_id"))).chat_bot_managers, [APP_2.appId]);
    await data(update(chat_id, { urgent_setting: "only_owner" }, other));
    assert.deepEqual((await get(chat_id)).user_manager_id_list.sort(), ids(1, 2).sort());
    assert.deepEqual((await data(change("deleteManagers", ids(1)))).chat_managers, ids(2));
    await data(change("deleteManagers", [APP_2.appId], "app_id"));
    assert.equal(await codeOf(update(chat_id, { urgent_setting: "all_members" }, other)), 232016);
    assert.equal(await codeOf(change("addManagers", ids(9))), 232001);
    assert.equal(await codeOf(change("addManagers", [APP_2.appId], "app_id", other)), 232038);
    assert.equal(await codeOf(change("deleteManagers", [APP_2.appId], "app_id", other)), 232038);
  });

  test("who may post are walked by the iterator", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 5), { bot_id_list: [APP_2.appId] });
    const moderate = (fields, who = app) => who.im.v1.chatModeration.update({ path: { chat_id }, params: AS_OPEN_ID, data: fields });
    const listed = async () => (await all(app.im.v1.chatModeration.getWithIterator({ path: { chat_id }, params: { ...AS_OPEN_ID, page_size: 1 } }))).map((one) => one.user_id);
    await data(moderate({ moderation_setting: "moderator_list", moderator_added_list: ids(0, 1, 2) }));
    assert.deepEqual((await listed()).sort(), ids(0, 1, 2).sort());
    assert.equal(await codeOf(sendText(other, chat_id, "may I?")), 230018);
    await data(moderate({ moderation_setting: "moderator_list", moderator_removed_list: ids(1) }));
    assert.deepEqual((await listed()).sort(), ids(0, 2).sort());
    assert.equal(await codeOf(moderate({ moderation_setting: "all_members" }, other)), 232017);
    assert.equal(await codeOf(app.im.v1.chatModeration.get({ path: { chat_id: NO_GROUP } })), 99992356);
  });
});
