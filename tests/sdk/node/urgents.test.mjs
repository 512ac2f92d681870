// A business system in Node brings a message before people until each has confirmed it: by the SDK's own calls, and with a ladder by raw
// requests.

import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { APP_1, APP_2, codeOf, data, fresh, makeGroup, office, refusal, sendText } from "./server.mjs";

let server, app, other, people, group;

before(async () => {
  ({ server, app, other, people } = await office());
  group = await makeGroup(app, people.slice(0, 3), { bot_id_list: [APP_2.appId] });
});

after(() => server?.stop());

const OWN = "clarion/v1/urgents";
const say = async (text, who = app) => (await data(sendText(who, group, text))).message_id;
const urge = (act, message_id, user_id_list, { who = app, user_id_type = "open_id" } = {}) =>
  who.im.v1.message[act]({ path: { message_id }, params: { user_id_type }, data: { user_id_list } });
const request = (method, path, { body, who = app, ...params } = {}) => who.request({ method, url: `/open-apis/${path}`, data: body, params });

describe("a message of the bot", () => {
  test("is urgent for its members, and says who is none", async () => {
    const message_id = await say("Close valve 7 now");
    const ids = [people[0], people[8], people[1]].map((person) => person.open_id);
    assert.deepEqual((await data(urge("urgentApp", message_id, ids))).invalid_user_id_list, [people[8].open_id]);
    for (const user_id_type of ["user_id", "union_id"]) {
      const reply = await data(urge("urgentApp", message_id, [people[0][user_id_type]], { user_id_type }));
      assert.deepEqual(reply.invalid_user_id_list, []);
    }
    const { items } = await data(request("GET", OWN, { page_size: 1 }));
    assert.deepEqual([items[0].message_id, items[0].state, items[0].raised_by_id], [message_id, "open", APP_1.appId]);
  });

  test("is refused with the platform's codes", async () => {
    const [mine, theirs] = [await say("mine"), await say("theirs", other)];
    const one = [people[0].open_id];
    assert.equal(await codeOf(urge("urgentApp", theirs, one)), 230012);
    assert.equal(await codeOf(urge("urgentApp", mine, [people[8].open_id])), 230001);
    assert.equal(await codeOf(urge("urgentApp", "om_none-at-all", one)), 99992354);
    for (const act of ["urgentSms", "urgentPhone"]) {
      const refused = await refusal(urge(act, mine, one));
      assert.equal(refused.code, 230052);
      assert.match(refused.msg, /the operator sets/);
    }
    await data(app.im.v1.message.delete({ path: { message_id: mine } }));
    assert.equal(await codeOf(urge("urgentApp", mine, one)), 230110);
  });
});

describe("an urgent with a ladder", () => {
  test("is raised once, reported page by page, and ended", async () => {
    const message_id = await say("Close valve 7 now");
    const body = {
      message_id,
      audience: { everyone: true },
      uuid: fresh(),
      ladder: [{ way: "remind", after_ms: 600_000, every_ms: 600_000, times: 3 }, { way: "manager", after_ms: 1_800_000 }],
      deadline_ms: 3_600_000,
    };
    const raised = await data(request("POST", OWN, { body }));
    assert.deepEqual([raised.audience_count, raised.left_out_count], [3, 0]);
    assert.equal((await data(request("POST", OWN, { body }))).urgent_id, raised.urgent_id);
    const path = `${OWN}/${raised.urgent_id}`;
    const report = await data(request("GET", path));
    assert.deepEqual(report.ladder, body.ladder);
    assert.deepEqual(report.timeline.map((deed) => [deed.what, deed.people]), [["raised", 3]]);
    assert.deepEqual(report.counts, { audience: 3, pending: 3, delivered: 0, shown: 0, confirmed: 0, failed: 0 });

    const seen = [];
    let page_token;
    do {
      const page = await data(request("GET", `${path}/people`, { standing: "pending", page_size: 2, user_id_type: "user_id", page_token }));
      assert.equal(page.total, 3);
      seen.push(...page.items.map((one) => one.user_id));
      page_token = page.has_more ? page.page_token : undefined;
    } while (page_token);
    assert.deepEqual(seen.sort(), people.slice(0, 3).map((person) => person.user_id).sort());

    const asked = { user_id_type: "user_id" };
    const one = await data(request("GET", `${path}/people/${people[0].user_id}`, asked));
    assert.deepEqual([one.user_id, one.standing, one.create_time, one.attempts], [people[0].user_id, "pending", report.create_time, []]);
    assert.equal(await codeOf(request("GET", `${path}/people/${people[8].user_id}`, asked)), 230001);

    assert.equal((await data(request("POST", `${path}/cancel`))).state, "cancelled");
    assert.equal((await data(request("GET", path))).timeline.at(-1).why, "cancelled");
    for (const [method, more] of [["GET", ""], ["POST", "/cancel"]]) assert.equal(await codeOf(request(method, path + more, { who: other })), 230001);
  });

  test("is for those who are chosen, and says who is left out", async () => {
    const message_id = await say("some of you");
    const audience = { user_ids: [people[0].user_id, people[8].user_id, "nobody"] };
    const raised = await data(request("POST", OWN, { body: { message_id, audience }, user_id_type: "user_id" }));
    assert.deepEqual([raised.audience_count, raised.left_out.map((one) => one.user_id).sort()], [1, [people[8].user_id, "nobody"].sort()]);
    assert.equal((await data(request("POST", OWN, { body: { message_id, audience: { unread: true } } }))).audience_count, 3);
    assert.equal(await codeOf(request("POST", OWN, { body: { message_id, audience: {} } })), 99992402);
    const refused = await refusal(request("POST", OWN, { body: { message_id, audience: { everyone: true }, ladder: [{ way: "remind", after_ms: 1 }] } }));
    assert.deepEqual([refused.code, refused.error.field_violations[0].field], [99992402, "ladder[0].after_ms"]);
    assert.equal(await codeOf(request("GET", `${OWN}/${raised.urgent_id}/people`)), 99992402);
    assert.equal(await codeOf(request("GET", OWN, { page_token: "made-up" })), 99992402);
  });
});
