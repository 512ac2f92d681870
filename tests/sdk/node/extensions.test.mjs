// What this server has beyond the platform, by the SDK's raw request: groups of departments, everybody in one call, dry runs, consent,
// who has not read, who changed what, uploads in parts.

import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { APP_1, APP_2, all, client, codeOf, data, everybody, fresh, makeGroup, office, refusal, sendText } from "./server.mjs";

let server, app, other, people;

before(async () => {
  ({ server, app, other, people } = await office());
});

after(() => server?.stop());

const request = (method, path, { body, who = app, ...params } = {}) => who.request({ method, url: `/open-apis/${path}`, data: body, params });
const count = async (chat_id) => Number((await data(app.im.v1.chat.get({ path: { chat_id } }))).user_count);
const memberIds = async (chat_id) =>
  (await all(app.im.v1.chatMembers.getWithIterator({ path: { chat_id }, params: { member_id_type: "user_id", page_size: 100 } }))).map((member) => member.member_id);
const staff = (...numbers) => numbers.map((number) => people[number].user_id);

let number = 0;
async function departmentOf(howMany) {
  const name = `Line ${fresh().slice(0, 8)}`;
  const { department } = await data(app.contact.v3.department.create({ data: { name, parent_department_id: "0" } }));
  const hire = async () => {
    number += 1;
    const mobile = `1370000${String(number).padStart(4, "0")}`;
    const body = { name: `Worker ${number}`, mobile, department_ids: [department.open_department_id], employee_type: 1 };
    return (await data(app.contact.v3.user.create({ params: { user_id_type: "user_id" }, data: body }))).user.user_id;
  };
  const workers = [];
  for (let turn = 0; turn < howMany; turn += 1) workers.push(await hire());
  return { id: department.open_department_id, workers, hire };
}

async function until(what, holds) {
  for (let turn = 0; turn < 200; turn += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`does not come: ${what}`);
}

describe("a group of departments", () => {
  test("follows them until it is told not to", async () => {
    const line = await departmentOf(2);
    const chat_id = await makeGroup(app, people.slice(0, 1));
    const path = `clarion/v1/chats/${chat_id}/departments`;
    const bound = await data(request("PUT", path, { body: { department_ids: [line.id], direct_only: true } }));
    assert.deepEqual([bound.department_ids, bound.people_count, bound.added_count, bound.removed_count], [[line.id], 2, 2, 0]);
    const third = await line.hire();
    await until("who joined the department is in the group", async () => (await memberIds(chat_id)).includes(third));
    const told = await data(request("GET", path));
    assert.deepEqual([told.department_ids, told.direct_only, told.people_count], [[line.id], true, 3]);
    await data(request("DELETE", path));
    assert.deepEqual((await data(request("GET", path))).department_ids, []);
    assert.equal(await count(chat_id), 4);
    assert.equal(await codeOf(request("PUT", path, { body: { department_ids: ["od-nowhere"] } })), 40015);
    for (const method of ["PUT", "GET", "DELETE"]) assert.equal(await codeOf(request(method, path, { who: other, body: { department_ids: ["0"] } })), 232011, method);
  });
});

describe("very many people", () => {
  test("come and go by department, all staff, and a list of ten thousand", async () => {
    const line = await departmentOf(3);
    const chat_id = await makeGroup(app, people.slice(0, 1));
    const members = (method, body, params = {}) => request(method, `im/v1/chats/${chat_id}/members`, { body, member_id_type: "user_id", ...params });
    assert.equal((await data(members("POST", { department_ids: [line.id] }))).added_count, 3);
    assert.deepEqual((await memberIds(chat_id)).sort(), [...line.workers, people[0].user_id].sort());
    assert.equal((await data(members("DELETE", { department_ids: [line.id], direct_only: true }))).removed_count, 3);

    const everyone = (await data(members("POST", { everyone: true }))).added_count;
    assert.ok(everyone >= people.length - 1);
    assert.equal((await data(members("DELETE", { everyone: true }))).removed_count, await count(chat_id) + everyone + 1);

    const list = [...people.map((person) => person.user_id), ...Array.from({ length: 10_000 - people.length }, (_, index) => `nobody-${index}`)];
    const added = await data(members("POST", { id_list: list }, { succeed_type: 1 }));
    assert.deepEqual([added.added_count, added.not_existed_id_list.length], [people.length, 10_000 - people.length]);
    assert.equal((await data(members("DELETE", { id_list: list }))).removed_count, people.length);
    assert.ok([232001, 99992402].includes(await codeOf(members("POST", { id_list: [...list, "one-more"] }, { succeed_type: 1 }))));
    assert.equal(await codeOf(members("POST", { department_ids: ["od-nowhere"] })), 40015);
    assert.equal(await codeOf(members("DELETE", { everyone: true }, { who: other })), 232011);
  });

  test("are in a new group by one call", async () => {
    const line = await departmentOf(2);
    const make = (body) => request("POST", "im/v1/chats", { body: { name: "All of a line", ...body }, user_id_type: "user_id" });
    const { chat_id } = await data(make({ department_ids: [line.id], user_id_list: staff(0) }));
    assert.deepEqual((await memberIds(chat_id)).sort(), [...line.workers, ...staff(0)].sort());
    assert.ok((await count((await data(make({ everyone: true }))).chat_id)) >= people.length);
    assert.equal(await codeOf(make({ department_ids: ["od-nowhere"] })), 40015);
  });
});

describe("a dry run", () => {
  test("tells what would change, and changes nothing", async () => {
    const line = await departmentOf(2);
    const chat_id = await makeGroup(app, people.slice(0, 2), { name: "before" });
    const path = `im/v1/chats/${chat_id}`;
    const dry = { dry_run: true, member_id_type: "user_id" };
    const changed = await data(request("PUT", path, { dry_run: true, body: { name: "after", urgent_setting: "only_owner", edit_permission: "all_members" } }));
    assert.deepEqual([changed.dry_run, changed.would_change.sort()], [true, ["name", "urgent_setting"]]);
    const added = await data(request("POST", `${path}/members`, { ...dry, body: { id_list: staff(1, 2), department_ids: [line.id] } }));
    assert.deepEqual([added.would_add_id_list.sort(), added.would_add_count], [[...line.workers, ...staff(2)].sort(), 3]);
    const removed = await data(request("DELETE", `${path}/members`, { ...dry, body: { everyone: true } }));
    assert.deepEqual([removed.would_remove_id_list.sort(), removed.would_remove_count], [staff(0, 1).sort(), 2]);
    const chat = await data(app.im.v1.chat.get({ path: { chat_id } }));
    assert.deepEqual([chat.name, chat.urgent_setting, chat.user_count], ["before", "all_members", "2"]);
    assert.equal(await codeOf(request("PUT", path, { dry_run: true, who: other, body: { name: "mine" } })), 232011);
  });
});

describe("members", () => {
  test("are listed with the bots when they are asked for", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 2), { bot_id_list: [APP_2.appId] });
    const seen = await data(request("GET", `im/v1/chats/${chat_id}/members`, { include_bots: true, member_id_type: "user_id" }));
    assert.deepEqual(seen.items.map((member) => member.member_id).sort(), [...staff(0, 1), APP_1.appId, APP_2.appId].sort());
    assert.equal(seen.member_total, 4);
  });

  test("who wait for consent are listed and decided about", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 1), { bot_id_list: [APP_2.appId], membership_approval: "approval_required" });
    const path = `clarion/v1/chats/${chat_id}/join_requests`;
    const asked = await data(request("POST", `im/v1/chats/${chat_id}/members`, { who: other, member_id_type: "user_id", body: { id_list: staff(4, 5, 6) } }));
    assert.deepEqual(asked.pending_approval_id_list.sort(), staff(4, 5, 6).sort());
    const first = await data(request("GET", path, { page_size: 2, user_id_type: "user_id" }));
    assert.deepEqual([first.total, first.items.length, first.has_more], [3, 2, true]);
    assert.deepEqual([first.items[0].asked_by_id, first.items[0].asked_by_id_type, first.items[0].user_id_type], [APP_2.appId, "app_id", "user_id"]);
    const rest = await data(request("GET", path, { page_size: 2, user_id_type: "user_id", page_token: first.page_token }));
    assert.deepEqual([...first.items, ...rest.items].map((one) => one.user_id).sort(), staff(4, 5, 6).sort());
    const decide = (decision, id_list, who = app) => request("POST", path, { who, member_id_type: "user_id", body: { id_list, decision, reason: "shift is full" } });
    assert.deepEqual((await data(decide("accept", staff(4)))).decided_id_list, staff(4));
    const refused = await data(decide("refuse", staff(4, 5)));
    assert.deepEqual([refused.decided_id_list, refused.not_waiting_id_list], [staff(5), staff(4)]);
    assert.deepEqual((await memberIds(chat_id)).sort(), staff(0, 4).sort());
    assert.equal(await codeOf(decide("perhaps", staff(6))), 99992402);
    assert.equal(await codeOf(decide("accept", staff(6), other)), 232002);
    assert.equal(await codeOf(request("GET", path, { who: other })), 232002);
  });

  test("who have not read a message are listed page by page", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 5));
    const { message_id } = await data(sendText(app, chat_id, "read me"));
    const path = `clarion/v1/messages/${message_id}/unread_users`;
    const seen = [];
    let page_token;
    do {
      const page = await data(request("GET", path, { page_size: 2, user_id_type: "user_id", page_token }));
      if (!page_token) assert.deepEqual([page.read_count, page.unread_count], [0, 5]);
      seen.push(...page.items.map((one) => one.user_id));
      page_token = page.has_more ? page.page_token : undefined;
    } while (page_token);
    assert.deepEqual(seen.sort(), staff(0, 1, 2, 3, 4).sort());
    assert.equal(await codeOf(request("GET", path, { who: other, user_id_type: "user_id" })), 230030);
    assert.equal(await codeOf(app.im.v1.message.readUsers({ path: { message_id: "om_none-at-all" }, params: { user_id_type: "open_id" } })), 99992354);
  });
});

describe("the audit log", () => {
  test("says who changed what, for an app that may read it", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 1));
    await data(app.im.v1.chat.update({ path: { chat_id }, data: { name: "renamed" } }));
    await refusal(other.im.v1.chat.delete({ path: { chat_id } }));
    const read = (params) => data(request("GET", "clarion/v1/audit", { target_id: chat_id, sort_type: "ByCreateTimeAsc", ...params }));
    await until("the three entries", async () => (await read()).items.length === 3);
    const first = await read({ page_size: 2 });
    const rest = await read({ page_size: 2, page_token: first.page_token });
    const entries = [...first.items, ...rest.items];
    assert.deepEqual(entries.map((entry) => [entry.app_id, entry.call, entry.outcome]), [
      [APP_1.appId, "POST im/v1/chats", "done"],
      [APP_1.appId, "PUT im/v1/chats/:chat_id", "done"],
      [APP_2.appId, "DELETE im/v1/chats/:chat_id", "refused"],
    ]);
    assert.equal(entries[1].body.name, "renamed");
    assert.deepEqual((await read({ app_id: APP_2.appId })).items.map((entry) => entry.code), [232011]);
    assert.equal(await codeOf(request("GET", "clarion/v1/audit", { page_token: "made-up" })), 99992402);
    assert.equal(await codeOf(request("GET", "clarion/v1/audit", { who: other })), 99991672);
  });
});

describe("an upload in parts", () => {
  // `client.request` makes an object of every body; bytes go by the client's own way out, with its token.
  async function put(upload_id, offset, part, who = app) {
    const url = `${who.domain}/open-apis/clarion/v1/uploads/${upload_id}`;
    const headers = { Authorization: `Bearer ${await who.tokenManager.getTenantAccessToken()}`, "Content-Type": "application/octet-stream" };
    return who.httpInstance.request({ method: "PUT", url, params: { offset }, data: part, headers });
  }

  test("goes on where it was over a kill of the server, and becomes a file", async () => {
    const whole = Buffer.from("0123456789".repeat(20_000));
    const begun = await data(request("POST", "clarion/v1/uploads", { body: { file_name: "大 file.bin", size_bytes: whole.length, file_type: "stream" } }));
    const { upload_id } = begun;
    assert.deepEqual([begun.offset, begun.size_bytes, begun.finished], [0, whole.length, false]);
    assert.equal((await data(put(upload_id, 0, whole.subarray(0, 70_000)))).offset, 70_000);
    assert.equal(await codeOf(put(upload_id, 5, whole.subarray(5, 10))), 234001);
    const path = `clarion/v1/uploads/${upload_id}`;
    assert.equal(await codeOf(request("POST", `${path}/finish`)), 234001);
    await server.restart();
    const { offset } = await data(request("GET", path));
    assert.equal(offset, 70_000);
    assert.equal((await data(put(upload_id, offset, whole.subarray(offset)))).offset, whole.length);
    const finished = await data(request("POST", `${path}/finish`));
    assert.equal(finished.size_bytes, whole.length);
    assert.deepEqual(await data(request("POST", `${path}/finish`)), finished);
    assert.deepEqual((await data(request("GET", path))).file_key, finished.file_key);
    const fetched = await app.im.v1.file.get({ path: { file_key: finished.file_key } });
    const parts = [];
    for await (const part of fetched.getReadableStream()) parts.push(part);
    assert.ok(Buffer.concat(parts).equals(whole));
    assert.equal(await codeOf(request("GET", path, { who: other })), 234008);
  });

  test("is let go, and one that cannot be is not begun", async () => {
    const begin = (body) => request("POST", "clarion/v1/uploads", { body });
    const { upload_id } = await data(begin({ file_name: "x", size_bytes: 9, kind: "image" }));
    await data(request("DELETE", `clarion/v1/uploads/${upload_id}`));
    assert.equal(await codeOf(request("GET", `clarion/v1/uploads/${upload_id}`)), 234008);
    assert.ok([234001, 99992402].includes(await codeOf(begin({ file_name: "x" }))));
    assert.ok([234001, 99992402].includes(await codeOf(begin({ file_name: "x", size_bytes: 9, kind: "song" }))));
  });
});
