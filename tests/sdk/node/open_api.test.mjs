// A business system in Node uses the official SDK with only the domain changed: people, groups, messages, iterators, refusals.

import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { APP_1, APP_2, all, byStaffNumber, client, everybody, fresh, makeGroup, office, refusal, sendText, textOf } from "./server.mjs";

let server, app, other, people, otherPeople;

before(async () => {
  ({ server, app, other, people } = await office());
  otherPeople = await byStaffNumber(other);
});

after(() => server?.stop());

describe("an app", () => {
  test("is told who its bot is", async () => {
    const seen = await app.request({ url: "/open-apis/bot/v3/info", method: "GET" });
    assert.equal(seen.code, 0);
    assert.equal(seen.bot.activate_status, 2);
    assert.match(seen.bot.open_id, /^ou_/);
    assert.match(seen.bot.avatar_url, /^https?:/);
    assert.ok(seen.bot.app_name);
  });

  test("gets no token with a wrong secret", async () => {
    const wrong = client(server.url, { ...APP_1, appSecret: "wrong" }, { disableTokenCache: true });
    await assert.rejects(async () => {
      const reply = await wrong.im.v1.chat.list({});
      assert.equal(reply.code, 0);
    });
  });

  test("is told of an unknown path and a wrong method", async () => {
    const unknown = await refusal(app.request({ url: "/open-apis/im/v1/nothing", method: "GET" }));
    assert.deepEqual([unknown.status, unknown.code], [404, 99991201]);
    const wrong = await refusal(app.request({ url: "/open-apis/im/v1/chats", method: "PATCH", data: {} }));
    assert.deepEqual([wrong.status, wrong.code], [405, 99991301]);
  });
});

describe("people", () => {
  test("are all found by the iterators, once, whatever the page", async () => {
    assert.ok(people.length >= 60, `${people.length} people`);
    const small = await everybody(app, 3);
    assert.deepEqual(small.map((person) => person.open_id).sort(), people.map((person) => person.open_id).sort());
    assert.ok(people.every((person) => person.name && person.open_id && person.union_id && person.user_id));
  });

  test("are one person under three ids", async () => {
    const person = people[11];
    for (const type of ["open_id", "union_id", "user_id"]) {
      const { code, data } = await app.contact.v3.user.get({ path: { user_id: person[type] }, params: { user_id_type: type } });
      assert.equal(code, 0);
      assert.deepEqual([data.user.open_id, data.user.user_id, data.user.name], [person.open_id, person.user_id, person.name]);
    }
  });

  test("have another open_id in another app, and it is refused here with 99992361", async () => {
    const person = people[4];
    const theirs = otherPeople.get(person.user_id);
    assert.notEqual(theirs.open_id, person.open_id);
    assert.equal(theirs.union_id, person.union_id);
    assert.equal((await refusal(app.contact.v3.user.get({ path: { user_id: theirs.open_id }, params: { user_id_type: "open_id" } }))).code, 99992361);
    assert.equal((await refusal(sendText(app, theirs.open_id, "x", { type: "open_id" }))).code, 99992361);
  });

  test("are found by mail and mobile, and an unknown address stays empty", async () => {
    const { data } = await app.contact.v3.user.batchGetId({
      params: { user_id_type: "user_id" },
      data: { emails: [people[0].email, "nobody@example.invalid"], mobiles: [people[1].mobile] },
    });
    assert.equal(data.user_list.length, 3);
    const byMail = Object.fromEntries(data.user_list.filter((entry) => entry.email).map((entry) => [entry.email, entry.user_id]));
    assert.equal(byMail[people[0].email], people[0].user_id);
    assert.equal(byMail["nobody@example.invalid"], undefined);
    assert.equal(data.user_list.find((entry) => entry.mobile).user_id, people[1].user_id);
  });

  test("nobody has that id", async () => {
    assert.equal((await refusal(app.contact.v3.user.get({ path: { user_id: "ou_" + "0".repeat(32) }, params: { user_id_type: "open_id" } }))).code, 99992351);
  });
});

describe("a group", () => {
  test("lives: made, named, read, filled, emptied, dissolved", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 3), { description: "shift B" });
    assert.match(chat_id, /^oc_[0-9a-f]{32}$/);
    assert.deepEqual((await app.im.v1.chat.update({ path: { chat_id }, params: { user_id_type: "open_id" }, data: { name: "Wartung B" } })).code, 0);
    const { data: chat } = await app.im.v1.chat.get({ path: { chat_id }, params: { user_id_type: "open_id" } });
    assert.deepEqual([chat.name, chat.description, chat.user_count, chat.bot_count, chat.chat_mode], ["Wartung B", "shift B", "3", "1", "group"]);
    const added = await app.im.v1.chatMembers.create({ path: { chat_id }, params: { member_id_type: "user_id" }, data: { id_list: [people[5].user_id] } });
    assert.deepEqual([added.code, added.data.invalid_id_list ?? []], [0, []]);
    await app.im.v1.chatMembers.delete({ path: { chat_id }, params: { member_id_type: "open_id" }, data: { id_list: [people[0].open_id] } });
    const members = await all(app.im.v1.chatMembers.getWithIterator({ path: { chat_id }, params: { member_id_type: "open_id", page_size: 2 } }));
    assert.deepEqual(members.map((member) => member.member_id).sort(), [people[1], people[2], people[5]].map((person) => person.open_id).sort());
    assert.equal((await app.im.v1.chatMembers.isInChat({ path: { chat_id } })).data.is_in_chat, true);
    assert.equal((await other.im.v1.chatMembers.isInChat({ path: { chat_id } })).data.is_in_chat, false);
    assert.equal((await app.im.v1.chat.delete({ path: { chat_id } })).code, 0);
    const left = await all(app.im.v1.chat.listWithIterator({ params: { page_size: 5 } }));
    assert.ok(!left.some((entry) => entry.chat_id === chat_id));
  });

  test("lists are walked to the end by the iterator", async () => {
    const made = [];
    for (let number = 0; number < 7; number++) made.push(await makeGroup(app, [people[0]], { name: `walk ${number}` }));
    const listed = (await all(app.im.v1.chat.listWithIterator({ params: { page_size: 3 } }))).map((entry) => entry.chat_id);
    assert.equal(new Set(listed).size, listed.length);
    assert.deepEqual(listed.filter((id) => made.includes(id)), made);
  });

  test("is not open to a bot outside", async () => {
    const chat_id = await makeGroup(app, [people[0]]);
    assert.equal((await refusal(other.im.v1.chat.update({ path: { chat_id }, data: { name: "mine" } }))).code, 232011);
    assert.equal((await refusal(sendText(other, chat_id, "x"))).code, 230002);
    assert.equal((await refusal(other.im.v1.chatMembers.get({ path: { chat_id } }))).code, 232011);
  });

  test("that is not there is refused", async () => {
    const chat_id = "oc_" + "0".repeat(32);
    // One after the other: a refusal that nobody waits for yet would end the test.
    for (const call of [() => app.im.v1.chat.get({ path: { chat_id } }), () => app.im.v1.chat.delete({ path: { chat_id } })]) {
      const { status, code } = await refusal(call());
      assert.equal(status, 400);
      assert.ok([232006, 232007, 99992355, 99992356].includes(code), `code ${code}`);
    }
  });
});

describe("a message", () => {
  test("goes to a group and to a person under each id", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 2));
    assert.equal((await sendText(app, chat_id, "hallo 你好")).data.chat_id, chat_id);
    const person = people[8];
    const chats = new Set();
    for (const type of ["open_id", "user_id", "union_id", "email"]) {
      const { code, data } = await sendText(app, person[type], `by ${type}`, { type });
      assert.equal(code, 0);
      chats.add(data.chat_id);
    }
    assert.equal(chats.size, 1);
  });

  test("is one, however often its uuid is sent, also over a kill of the server", async () => {
    const chat_id = await makeGroup(app, [people[0]]);
    const uuid = fresh();
    const replies = await Promise.all(Array.from({ length: 8 }, () => sendText(app, chat_id, "order 77", { uuid })));
    assert.equal(new Set(replies.map((reply) => reply.data.message_id)).size, 1);
    await server.restart();
    assert.equal((await sendText(app, chat_id, "order 77", { uuid })).data.message_id, replies[0].data.message_id);
    const said = await all(app.im.v1.message.listWithIterator({ params: { container_id_type: "chat", container_id: chat_id, page_size: 20 } }));
    assert.equal(said.filter((message) => message.msg_type === "text").length, 1);
  });

  test("history is walked to the end by the iterator, in order", async () => {
    const chat_id = await makeGroup(app, [people[0]]);
    for (let number = 0; number < 11; number++) await sendText(app, chat_id, `n${number}`);
    for (const sort_type of ["ByCreateTimeAsc", "ByCreateTimeDesc"]) {
      const said = await all(app.im.v1.message.listWithIterator({ params: { container_id_type: "chat", container_id: chat_id, page_size: 4, sort_type } }));
      const words = said.filter((message) => message.msg_type === "text").map(textOf);
      const wanted = Array.from({ length: 11 }, (_, number) => `n${number}`);
      assert.deepEqual(words, sort_type === "ByCreateTimeAsc" ? wanted : wanted.reverse());
    }
  });

  test("is answered, read and taken back", async () => {
    const chat_id = await makeGroup(app, [people[0]], { bot_id_list: [APP_2.appId] });
    const { data: root } = await sendText(app, chat_id, "pressure?");
    const { data: answer } = await other.im.v1.message.reply({
      path: { message_id: root.message_id },
      data: { msg_type: "text", content: JSON.stringify({ text: "4 bar" }), uuid: fresh() },
    });
    assert.deepEqual([answer.root_id, answer.parent_id], [root.message_id, root.message_id]);
    assert.deepEqual([answer.sender.id, answer.sender.sender_type], [APP_2.appId, "app"]);
    const { data: read } = await app.im.v1.message.get({ path: { message_id: answer.message_id } });
    assert.equal(textOf(read.items[0]), "4 bar");
    assert.equal((await other.im.v1.message.delete({ path: { message_id: answer.message_id } })).code, 0);
    const said = await all(app.im.v1.message.listWithIterator({ params: { container_id_type: "chat", container_id: chat_id } }));
    const gone = said.find((message) => message.message_id === answer.message_id);
    assert.equal(gone.deleted, true);
    assert.ok(!gone.body.content.includes("4 bar"));
  });

  test("that the server cannot understand is refused", async () => {
    const chat_id = await makeGroup(app, [people[0]]);
    const broken = (msg_type, content) => app.im.v1.message.create({ params: { receive_id_type: "chat_id" }, data: { receive_id: chat_id, msg_type, content } });
    for (const [msg_type, content] of [["text", "{"], ["text", "{}"], ["telegram", '{"text":"x"}']]) {
      const { status, code } = await refusal(broken(msg_type, content));
      assert.equal(status, 400);
      assert.ok([230001, 230054, 99992402].includes(code), `code ${code}`);
    }
    assert.equal((await refusal(broken("text", JSON.stringify({ text: "长".repeat(60000) })))).code, 230025);
  });
});

describe("an HR system", () => {
  const mobile = () => `139${String(Math.floor(Math.random() * 1e8)).padStart(8, "0")}`;

  test("takes somebody in, changes, and lets go", async () => {
    const department = await app.contact.v3.department.create({
      data: { name: `工厂 ${fresh().slice(0, 8)}`, parent_department_id: "0" },
    });
    assert.equal(department.code, 0);
    const open_department_id = department.data.department.open_department_id;
    const params = { user_id_type: "user_id", client_token: fresh() };
    const data = { name: "新同事", mobile: mobile(), department_ids: [open_department_id], employee_type: 1, job_title: "技师" };
    const made = (await app.contact.v3.user.create({ params, data })).data.user;
    const again = (await app.contact.v3.user.create({ params, data })).data.user;
    assert.equal(again.open_id, made.open_id, "the same client_token makes nobody else");

    const path = { user_id: made.user_id };
    const changed = await app.contact.v3.user.patch({ path, params: { user_id_type: "user_id" }, data: { name: "老同事" } });
    assert.deepEqual([changed.data.user.name, changed.data.user.job_title], ["老同事", "技师"]);
    const busy = await refusal(app.contact.v3.department.delete({ path: { department_id: open_department_id } }));
    assert.deepEqual([busy.status, busy.code], [400, 43011]);

    const gone = await app.contact.v3.user.delete({ path, params: { user_id_type: "user_id" }, data: {} });
    assert.equal(gone.code, 0);
    const left = await app.contact.v3.user.get({ path, params: { user_id_type: "user_id" } });
    assert.equal(left.data.user.status.is_resigned, true);
    assert.equal((await app.contact.v3.department.delete({ path: { department_id: open_department_id } })).code, 0);
  });

  test("needs a scope that is given by name", async () => {
    const path = { user_id: people[2].user_id };
    const refused = await refusal(other.contact.v3.user.patch({ path, params: { user_id_type: "user_id" }, data: { name: "x" } }));
    assert.equal(refused.code, 99991672);
    assert.match(refused.msg, /contact:contact/);
  });

  test("walks what it may see by the iterator", async () => {
    const { data } = await app.contact.v3.scope.list({ params: { page_size: 100 } });
    assert.ok(data.department_ids.length >= 4);
  });
});
