// A business system in Node does everything else with messages: reacts, pins, sends on, changes cards, asks who has read, writes to many.

import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { APP_2, all, client, data, fresh, makeGroup, office, refusal, sendText, textOf } from "./server.mjs";

let server, app, other, people, group;

before(async () => {
  ({ server, app, other, people } = await office());
  group = await makeGroup(app, people.slice(0, 4), { bot_id_list: [APP_2.appId] });
});

after(() => server?.stop());

const say = (text) => data(sendText(app, group, text));
const react = (who, message_id, emoji_type) => who.im.v1.messageReaction.create({ path: { message_id }, data: { reaction_type: { emoji_type } } });
const card = (text) => ({ config: { update_multi: true }, elements: [{ tag: "markdown", content: text }] });
const sendCard = (content) => data(app.im.v1.message.create({ params: { receive_id_type: "chat_id" }, data: { receive_id: group, msg_type: "interactive", content: JSON.stringify(content) } }));
const request = (method, url, body, params) => app.request({ method, url, data: body, params });

describe("reactions", () => {
  test("are iterated page by page, and each is taken back by its id", async () => {
    const { message_id } = await say("vote");
    const made = await data(react(app, message_id, "OK"));
    assert.equal((await data(react(app, message_id, "OK"))).reaction_id, made.reaction_id);
    const theirs = await data(react(other, message_id, "HEART"));
    const found = await all(app.im.v1.messageReaction.listWithIterator({ path: { message_id }, params: { page_size: 1 } }));
    assert.deepEqual(found.map((one) => [one.reaction_id, one.reaction_type.emoji_type]), [[made.reaction_id, "OK"], [theirs.reaction_id, "HEART"]]);
    assert.equal((await refusal(app.im.v1.messageReaction.delete({ path: { message_id, reaction_id: theirs.reaction_id } }))).code, 231007);
    assert.equal((await data(app.im.v1.messageReaction.delete({ path: { message_id, reaction_id: made.reaction_id } }))).reaction_id, made.reaction_id);
    assert.equal((await refusal(react(app, message_id, "thumbsup"))).code, 231001);
  });

  test("of several messages come with their counts", async () => {
    const [one, two] = [await say("a"), await say("b")];
    await data(react(app, one.message_id, "OK"));
    await data(react(other, one.message_id, "OK"));
    const found = await data(app.im.v1.messageReaction.batchQuery({ data: { queries: [{ message_id: one.message_id }, { message_id: two.message_id }], page_size_per_message: 1 } }));
    assert.deepEqual(found.success_msg_reaction_counts[0].reaction_count, [{ reaction_type: "OK", count: "2" }]);
    assert.equal(found.success_msg_reaction_details[0].has_more, true);
    assert.deepEqual(found.fail_msg_reaction_details, []);
  });
});

describe("pins", () => {
  test("are iterated, the last pinned first", async () => {
    const chat_id = await makeGroup(app, people.slice(0, 2));
    const sent = [];
    for (const text of ["a", "b", "c"]) sent.push((await data(sendText(app, chat_id, text))).message_id);
    for (const message_id of sent) assert.equal((await data(app.im.v1.pin.create({ data: { message_id } }))).pin.message_id, message_id);
    const found = await all(app.im.v1.pin.listWithIterator({ params: { chat_id, page_size: 2 } }));
    assert.deepEqual(found.map((one) => one.message_id), sent.toReversed());
    await data(app.im.v1.pin.delete({ path: { message_id: sent[1] } }));
    assert.equal((await all(app.im.v1.pin.listWithIterator({ params: { chat_id } }))).length, 2);
    assert.equal((await refusal(client(server.url, APP_2).im.v1.pin.create({ data: { message_id: sent[0] } }))).code, 230050);
  });
});

describe("messages", () => {
  test("are sent on, merged, and read with what is in them", async () => {
    const target = await makeGroup(app, people.slice(0, 2));
    const [one, two] = [await say("one"), await say("two")];
    const uuid = fresh();
    const forward = () => data(app.im.v1.message.forward({ path: { message_id: one.message_id }, params: { receive_id_type: "chat_id", uuid }, data: { receive_id: target } }));
    const sent = await forward();
    assert.equal(textOf(sent), "one");
    assert.equal((await forward()).message_id, sent.message_id);
    const merged = await data(app.im.v1.message.mergeForward({ params: { receive_id_type: "chat_id" }, data: { receive_id: target, message_id_list: [two.message_id, one.message_id] } }));
    const read = await data(app.im.v1.message.get({ path: { message_id: merged.message.message_id } }));
    assert.deepEqual(read.items.slice(1).map(textOf), ["one", "two"]);
    assert.ok(read.items.slice(1).every((child) => child.upper_message_id === merged.message.message_id));
    const child = read.items[1].message_id;
    assert.equal((await refusal(app.im.v1.message.forward({ path: { message_id: child }, params: { receive_id_type: "chat_id" }, data: { receive_id: target } }))).code, 230061);
  });

  test("of a thread go on as one, and into a thread", async () => {
    const target = await makeGroup(app, people.slice(0, 2));
    const root = await say("root");
    const reply = await data(app.im.v1.message.reply({ path: { message_id: root.message_id }, data: { msg_type: "text", content: JSON.stringify({ text: "in it" }), reply_in_thread: true } }));
    const sent = await data(app.im.v1.thread.forward({ path: { thread_id: reply.thread_id }, params: { receive_id_type: "chat_id" }, data: { receive_id: target } }));
    assert.equal(sent.msg_type, "merge_forward");
    const into = await data(app.im.v1.message.forward({ path: { message_id: root.message_id }, params: { receive_id_type: "thread_id" }, data: { receive_id: reply.thread_id } }));
    assert.equal(into.thread_id, reply.thread_id);
  });

  test("say who has read them, and who has not", async () => {
    const { message_id } = await say("read me");
    const read = await data(app.im.v1.message.readUsers({ path: { message_id }, params: { user_id_type: "open_id", page_size: 100 } }));
    assert.deepEqual([read.items, read.has_more], [[], false]);
    const { data: unread } = await request("GET", `/open-apis/clarion/v1/messages/${message_id}/unread_users`, {}, { user_id_type: "open_id" });
    assert.deepEqual([unread.items.length, unread.unread_count], [4, 4]);
  });

  test("offer what to say next, in a direct chat", async () => {
    const sent = await data(sendText(app, people[5].open_id, "When?", { type: "open_id" }));
    const push = () => app.im.v1.message.pushFollowUp({ path: { message_id: sent.message_id }, data: { follow_ups: [{ content: "Today" }] } });
    await data(push());
    assert.equal((await refusal(push())).code, 230008);
    const inGroup = await say("When?");
    assert.equal((await refusal(app.im.v1.message.pushFollowUp({ path: { message_id: inGroup.message_id }, data: { follow_ups: [{ content: "Today" }] } }))).code, 230003);
  });
});

describe("cards", () => {
  test("change in place, and say why when they cannot", async () => {
    const { message_id } = await sendCard(card("0 %"));
    const patch = (content, who = app) => who.im.v1.message.patch({ path: { message_id }, data: { content: JSON.stringify(content) } });
    await data(patch(card("100 %")));
    const read = await data(app.im.v1.message.get({ path: { message_id }, params: { card_msg_content_type: "user_card_content" } }));
    assert.deepEqual(JSON.parse(read.items[0].body.content), card("100 %"));
    assert.equal((await refusal(patch({ elements: [] }))).code, 230099);
    assert.equal((await refusal(patch(card("x"), other))).code, 230012);
  });

  test("are shown to one person and deleted", async () => {
    const sent = await request("POST", "/open-apis/ephemeral/v1/send", { chat_id: group, open_id: people[0].open_id, msg_type: "interactive", card: card("for you") });
    assert.equal(sent.code, 0);
    assert.equal((await request("POST", "/open-apis/ephemeral/v1/delete", { message_id: sent.data.message_id })).code, 0);
  });
});

describe("a message to many", () => {
  test("reaches them once, and is taken back", async () => {
    const body = { msg_type: "text", content: { text: "to many" }, open_ids: people.slice(20, 28).map((person) => person.open_id), uuid: fresh() };
    const sent = await request("POST", "/open-apis/message/v4/batch_send/", body);
    assert.equal(sent.code, 0);
    const batch_message_id = sent.data.message_id;
    assert.equal((await request("POST", "/open-apis/message/v4/batch_send/", body)).data.message_id, batch_message_id);
    const until = async (reached) => {
      for (let turn = 0; turn < 100; turn += 1) {
        const progress = await data(app.im.v1.batchMessage.getProgress({ path: { batch_message_id } }));
        if (reached(progress)) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.fail("it does not get there");
    };
    await until((progress) => progress.batch_message_send_progress.success_user_ids_count === 8);
    assert.deepEqual((await data(app.im.v1.batchMessage.readUser({ path: { batch_message_id } }))).read_user, { read_count: "0", total_count: "8" });
    await data(app.im.v1.batchMessage.delete({ path: { batch_message_id } }));
    await until((progress) => progress.batch_message_recall_progress.recall_count === 8);
    assert.equal((await refusal(other.im.v1.batchMessage.getProgress({ path: { batch_message_id } }))).code, 230001);
  });

  test("without anybody is refused with HTTP 200 and a code", async () => {
    assert.equal((await request("POST", "/open-apis/message/v4/batch_send/", { msg_type: "text", content: { text: "x" } })).code, 10003);
  });
});

describe("a file", () => {
  test("is fetched whole by the SDK, with its name", async () => {
    const { file_key } = await app.im.v1.file.create({ data: { file_type: "stream", file_name: "a.bin", file: Buffer.from("0123456789") } });
    const sent = await data(app.im.v1.message.create({ params: { receive_id_type: "chat_id" }, data: { receive_id: group, msg_type: "file", content: JSON.stringify({ file_key }) } }));
    const fetched = await app.im.v1.messageResource.get({ path: { message_id: sent.message_id, file_key }, params: { type: "file" } });
    const parts = [];
    for await (const part of fetched.getReadableStream()) parts.push(part);
    assert.equal(Buffer.concat(parts).toString(), "0123456789");
    assert.match(fetched.headers["content-disposition"], /filename\*=UTF-8''a\.bin/);
  });
});
