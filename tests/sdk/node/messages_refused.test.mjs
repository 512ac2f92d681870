// A business system in Node is told what is wrong with what it wants of messages and files: each call has its code.

import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { APP_1, APP_2, codeOf, data, fresh, makeGroup, office, sendText, textOf } from "./server.mjs";

// Of well-formed ids that nobody has, one in 256 looks like one of this server's: this one never does.
const NO_MESSAGE = "om_none-at-all";
const PNG = Buffer.from(
  "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082",
  "hex",
);

let server, app, other, people, chat_id, message_id;

before(async () => {
  ({ server, app, other, people } = await office());
  chat_id = await makeGroup(app, people.slice(0, 2));
  message_id = (await data(sendText(app, chat_id, "ours"))).message_id;
});

after(() => server?.stop());

const text = (words) => ({ msg_type: "text", content: JSON.stringify({ text: words }) });

describe("a message", () => {
  test("is put right by its sender, and by nobody else", async () => {
    const both = await makeGroup(app, people.slice(0, 1), { bot_id_list: [APP_2.appId] });
    const path = { message_id: (await data(sendText(app, both, "at 8"))).message_id };
    const edit = (words, who = app) => who.im.v1.message.update({ path, data: text(words) });
    const changed = await data(edit("at 9"));
    assert.deepEqual([textOf(changed), changed.updated], ["at 9", true]);
    assert.equal(await codeOf(edit("at 10", other)), 230071);
    await data(app.im.v1.message.delete({ path }));
    assert.equal(await codeOf(edit("at 11")), 230011);
  });

  test("is not a stranger's to read, to answer, to take back, or to send on", async () => {
    const path = { message_id };
    const theirs = await makeGroup(other, []);
    const merged = { params: { receive_id_type: "chat_id" }, data: { receive_id: theirs, message_id_list: [message_id] } };
    for (const [call, code] of [
      [() => other.im.v1.message.get({ path }), 230030],
      [() => other.im.v1.message.list({ params: { container_id_type: "chat", container_id: chat_id } }), 230002],
      [() => other.im.v1.message.reply({ path, data: text("hm") }), 230002],
      [() => other.im.v1.message.delete({ path }), 230030],
      [() => other.im.v1.message.mergeForward(merged), 230030],
    ]) assert.equal(await codeOf(call()), code, `${call}`);
    assert.equal(await codeOf(app.im.v1.thread.forward({ path: { thread_id: "omt_" + "0".repeat(16) }, params: { receive_id_type: "chat_id" }, data: { receive_id: chat_id } })), 230019);
    assert.equal(await codeOf(app.im.v1.message.search({ data: { query: "ours" } })), 230054);
  });

  test("has no reactions and no pins for a stranger", async () => {
    assert.equal(await codeOf(other.im.v1.messageReaction.list({ path: { message_id } })), 231003);
    assert.equal(await codeOf(app.im.v1.messageReaction.list({ path: { message_id: NO_MESSAGE } })), 99992354);
    assert.equal(await codeOf(app.im.v1.messageReaction.batchQuery({ data: { queries: [] } })), 99992402);
    assert.equal(await codeOf(other.im.v1.pin.delete({ path: { message_id } })), 230050);
    assert.equal(await codeOf(other.im.v1.pin.list({ params: { chat_id } })), 230045);
  });

  test("to many is its sender's affair", async () => {
    const body = { ...text(""), content: { text: "to some" }, open_ids: [people[20].open_id], uuid: fresh() };
    const sent = await data(app.request({ method: "POST", url: "/open-apis/message/v4/batch_send/", data: body }));
    const path = { batch_message_id: sent.message_id };
    assert.equal(await codeOf(other.im.v1.batchMessage.readUser({ path })), 230001);
    assert.equal(await codeOf(other.im.v1.batchMessage.delete({ path })), 230001);
  });
});

describe("a card", () => {
  const card = { elements: [{ tag: "markdown", content: "x" }] };
  const post = (url, body, who = app) => who.request({ method: "POST", url: `/open-apis/${url}`, data: body });

  test("for one person goes to somebody in a chat of the bot's", async () => {
    const sent = (open_id, who) => post("ephemeral/v1/send", { chat_id, open_id, msg_type: "interactive", card }, who);
    assert.equal(await codeOf(sent(people[9].open_id)), 230013);
    assert.equal(await codeOf(post("ephemeral/v1/delete", { message_id })), 230030);
  });

  test("is not changed by a token that was made up", async () => {
    assert.equal(await codeOf(post("interactive/v1/card/update", { token: "c-made-up", card })), 230001);
  });
});

describe("pictures and files", () => {
  const whole = async (fetched) => {
    const parts = [];
    for await (const part of fetched.getReadableStream()) parts.push(part);
    return Buffer.concat(parts);
  };

  test("are fetched by the app that uploaded them", async () => {
    const { image_key } = await app.im.v1.image.create({ data: { image_type: "message", image: PNG } });
    assert.ok((await whole(await app.im.v1.image.get({ path: { image_key } }))).equals(PNG));
    const { file_key } = await app.im.v1.file.create({ data: { file_type: "stream", file_name: "a.bin", file: Buffer.from("0123456789") } });
    assert.equal((await whole(await app.im.v1.file.get({ path: { file_key } }))).toString(), "0123456789");
    // What is fetched comes as a stream, a refusal too: its status tells.
    const refused = async (promise) => assert.equal((await promise.then(() => assert.fail("was not refused"), (error) => error.response)).status, 400);
    await refused(other.im.v1.image.get({ path: { image_key } }));
    await refused(other.im.v1.file.get({ path: { file_key } }));
    await refused(app.im.v1.messageResource.get({ path: { message_id, file_key }, params: { type: "file" } }));
  });

  test("that are none are not taken", async () => {
    const code = async (promise) => (await promise.catch((error) => error.response.data))?.code;
    assert.equal(await code(app.im.v1.image.create({ data: { image_type: "message", image: Buffer.from("no picture") } })), 234011);
    assert.equal(await code(app.im.v1.file.create({ data: { file_type: "song", file_name: "x", file: Buffer.from("1") } })), 234001);
  });
});

describe("an app", () => {
  test("asks for its tokens itself, and gets none with a wrong secret", async () => {
    const right = { app_id: APP_1.appId, app_secret: APP_1.appSecret };
    const wrong = { ...right, app_secret: "wrong" };
    const tokens = await Promise.all(["tenantAccessToken", "appAccessToken"].map((kind) => app.auth.v3[kind].internal({ data: right })));
    assert.deepEqual([tokens[0].code, tokens[0].tenant_access_token], [0, tokens[1].app_access_token]);
    for (const kind of ["tenantAccessToken", "appAccessToken"]) {
      const reply = await app.auth.v3[kind].internal({ data: wrong }).catch((error) => error.response.data);
      assert.ok([10015, 10014].includes(reply.code));
    }
  });

  test("learns what the organisation is called, what there is to call, and how people without a picture look", async () => {
    assert.ok((await data(app.tenant.v2.tenant.query({}))).tenant.name);
    const description = await app.request({ method: "GET", url: "/open-apis/openapi.json" });
    assert.ok(description.paths["/open-apis/im/v1/messages"].post);
    const picture = await app.request({ method: "GET", url: people[0].avatar.avatar_72 });
    assert.match(picture, /^<svg/);
    assert.equal((await app.request({ method: "GET", url: `${server.url}/open-apis/clarion/v1/avatars/none-at-all` }).catch((error) => error.response)).status, 404);
  });
});
