// An HR system in Node reads and keeps people and departments, by the SDK's iterators and calls.

import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { all, codeOf, data, fresh, office } from "./server.mjs";

const BY_STAFF_NUMBER = { user_id_type: "user_id" };
const NOWHERE = "od-" + "0".repeat(32);

let server, app, other, people, works;

const mobile = () => `137${String(Math.floor(Math.random() * 1e8)).padStart(8, "0")}`;
const department = async (name, parent_department_id, more = {}) =>
  (await data(app.contact.v3.department.create({ data: { name, parent_department_id, ...more } }))).department;
const newcomer = (more = {}) => ({ name: "新同事", mobile: mobile(), department_ids: [works], employee_type: 1, ...more });
const takeIn = (more, params = {}) => app.contact.v3.user.create({ params: { ...BY_STAFF_NUMBER, ...params }, data: newcomer(more) });
const open = (departments) => departments.map((entry) => entry.open_department_id);

before(async () => {
  ({ server, app, other, people } = await office());
  works = (await department(`Works ${fresh().slice(0, 8)}`, "0")).open_department_id;
});

after(() => server?.stop());

describe("people", () => {
  test("of a department are the same in the newer and the older list, whatever the page", async () => {
    for (let number = 0; number < 5; number += 1) await data(takeIn({ name: `Worker ${number}` }));
    const params = (page_size) => ({ params: { ...BY_STAFF_NUMBER, department_id: works, page_size } });
    const large = (await all(app.contact.v3.user.findByDepartmentWithIterator(params(50)))).map((person) => person.user_id);
    assert.ok(large.length >= 5);
    for (const size of [1, 2]) {
      assert.deepEqual((await all(app.contact.v3.user.findByDepartmentWithIterator(params(size)))).map((person) => person.user_id), large);
      assert.deepEqual((await all(app.contact.v3.user.listWithIterator(params(size)))).map((person) => person.user_id), large);
    }
    for (const list of ["findByDepartment", "list"]) {
      assert.equal(await codeOf(app.contact.v3.user[list]({ params: { department_id: NOWHERE } })), 40015);
      assert.equal(await codeOf(app.contact.v3.user[list]({ params: { department_id: works, page_token: "made-up" } })), 99992402);
    }
  });

  test("are fetched many at once, and who is nobody is left out", async () => {
    const three = people.slice(0, 3).map((person) => person.open_id);
    const found = await data(app.contact.v3.user.batch({ params: { user_id_type: "open_id", user_ids: [...three, "ou_" + "0".repeat(32)] } }));
    assert.deepEqual(found.items.map((person) => person.open_id).sort(), [...three].sort());
    const { users } = await data(app.contact.v3.user.basicBatch({ params: { user_id_type: "open_id" }, data: { user_ids: three } }));
    assert.deepEqual(users.map((person) => [person.user_id, person.name]).sort(), people.slice(0, 3).map((person) => [person.open_id, person.name]).sort());
    const many = Array.from({ length: 501 }, (_, number) => `n${number}`);
    assert.equal(await codeOf(app.contact.v3.user.basicBatch({ params: BY_STAFF_NUMBER, data: { user_ids: many } })), 99992402);
    assert.equal(await codeOf(app.contact.v3.user.batch({ params: { user_id_type: "shoe_size", user_ids: three } })), 40001);
    assert.equal(await codeOf(app.contact.v3.user.batchGetId({ params: {}, data: { emails: many } })), 99992402);
  });

  test("are searched for by name", async () => {
    const search = (params) => app.request({ method: "GET", url: "/open-apis/search/v1/user", params });
    const found = await data(search({ query: people[3].name, page_size: 20 }));
    assert.ok(found.users.some((person) => person.open_id === people[3].open_id));
    assert.equal(await codeOf(search({ query: people[3].name, page_token: "made-up" })), 99992402);
  });

  test("are taken in whole, changed in part or whole, let go, and come back", async () => {
    const made = (await data(takeIn({ en_name: "Xin", city: "杭州", job_title: "技师", leader_user_id: people[0].user_id }, { client_token: fresh() }))).user;
    const path = { user_id: made.user_id };
    const get = async () => (await data(app.contact.v3.user.get({ path, params: BY_STAFF_NUMBER }))).user;
    assert.deepEqual([(await get()).leader_user_id, (await get()).city], [people[0].user_id, "杭州"]);
    const patched = await data(app.contact.v3.user.patch({ path, params: BY_STAFF_NUMBER, data: { city: "上海" } }));
    assert.deepEqual([patched.user.city, patched.user.en_name], ["上海", "Xin"]);
    const put = (more) => app.contact.v3.user.update({ path, params: BY_STAFF_NUMBER, data: newcomer({ mobile: made.mobile, ...more }) });
    const whole = (await data(put({ name: "改名" }))).user;
    assert.deepEqual([whole.name, whole.city, whole.user_id], ["改名", undefined, made.user_id]);
    assert.equal(await codeOf(put({ name: "" })), 40001);
    assert.equal(await codeOf(takeIn({ mobile: made.mobile })), 41001);
    assert.equal(await codeOf(takeIn({ department_ids: [NOWHERE] })), 40015);
    const leave = (body) => app.contact.v3.user.delete({ path, params: BY_STAFF_NUMBER, data: body });
    assert.equal(await codeOf(leave({ department_chat_acceptor_user_id: "nobody-at-all" })), 41052);
    await data(leave({}));
    assert.equal((await get()).status.is_resigned, true);
    assert.equal(await codeOf(app.contact.v3.user.patch({ path, params: BY_STAFF_NUMBER, data: { city: "x" } })), 42006);
    const back = (user_id) => app.contact.v3.user.resurrect({ path: { user_id }, params: BY_STAFF_NUMBER, data: {} });
    await data(back(made.user_id));
    assert.equal((await get()).status.is_resigned, false);
    assert.ok([99992360, 41012].includes(await codeOf(back("no-such-person"))));
  });
});

describe("departments", () => {
  let above, middle, below;

  before(async () => {
    above = await department("Above", works, { department_id: `d${fresh().slice(0, 10)}`, leader_user_id: people[1].open_id });
    middle = await department("Middle", above.open_department_id);
    below = await department(`Below ${fresh().slice(0, 8)}`, middle.open_department_id);
  });

  test("are walked downwards, by the newer and the older list", async () => {
    for (const [fetch_child, wanted] of [[true, [above, middle, below]], [false, [above]]]) {
      const newer = app.contact.v3.department.childrenWithIterator({ path: { department_id: works }, params: { fetch_child, page_size: 1 } });
      assert.deepEqual(open(await all(newer)), open(wanted));
      const older = app.contact.v3.department.listWithIterator({ params: { parent_department_id: works, fetch_child, page_size: 1 } });
      assert.deepEqual(open(await all(older)), open(wanted));
    }
    assert.equal(await codeOf(app.contact.v3.department.children({ path: { department_id: NOWHERE } })), 40015);
    assert.equal(await codeOf(app.contact.v3.department.list({ params: { parent_department_id: NOWHERE } })), 40015);
  });

  test("are walked upwards, the nearest first", async () => {
    const up = (department_id) => ({ params: { department_id, page_size: 1 } });
    assert.deepEqual(open(await all(app.contact.v3.department.parentWithIterator(up(below.open_department_id)))), open([middle, above, { open_department_id: works }]));
    assert.equal(await codeOf(app.contact.v3.department.parent(up(NOWHERE))), 40015);
  });

  test("are found by a part of their name", async () => {
    const found = await all(app.contact.v3.department.searchWithIterator({ params: { page_size: 1 }, data: { query: below.name } }));
    assert.deepEqual(open(found), [below.open_department_id]);
    assert.equal(await codeOf(app.contact.v3.department.search({ data: { query: "x".repeat(65) } })), 99992402);
  });

  test("are fetched by either id, one or many", async () => {
    const path = { department_id: above.department_id };
    const one = await data(app.contact.v3.department.get({ path, params: { department_id_type: "department_id" } }));
    assert.deepEqual([one.department.open_department_id, one.department.leader_user_id], [above.open_department_id, people[1].open_id]);
    assert.equal(await codeOf(app.contact.v3.department.get({ path })), 40015);
    const many = await data(app.contact.v3.department.batch({ params: { department_ids: [...open([middle, below]), NOWHERE] } }));
    assert.deepEqual(open(many.items).sort(), open([middle, below]).sort());
    assert.equal(await codeOf(app.contact.v3.department.batch({ params: { department_ids: open([middle]), department_id_type: "colour" } })), 40001);
  });

  test("are renamed, moved, given another id, and deleted when they are empty", async () => {
    const path = { department_id: below.open_department_id };
    const patched = await data(app.contact.v3.department.patch({ path, data: { parent_department_id: works, order: "3" } }));
    assert.deepEqual([patched.department.parent_department_id, patched.department.name], [works, below.name]);
    assert.equal(await codeOf(app.contact.v3.department.patch({ path: { department_id: works }, data: { parent_department_id: below.open_department_id } })), 40001);
    const put = (name) => app.contact.v3.department.update({ path, data: { name, parent_department_id: works } });
    assert.equal((await data(put("Renamed"))).department.name, "Renamed");
    assert.equal(await codeOf(put("Above")), 43022);
    const chosen = `D${fresh().slice(0, 10)}`;
    const rename = (new_department_id) => app.contact.v3.department.updateDepartmentId({ path, data: { new_department_id } });
    await data(rename(chosen));
    assert.equal((await data(app.contact.v3.department.get({ path }))).department.department_id, chosen);
    assert.equal(await codeOf(rename(above.department_id)), 43007);
    assert.equal(await codeOf(app.contact.v3.department.create({ data: { name: "Above", parent_department_id: works } })), 43022);
    assert.equal(await codeOf(app.contact.v3.department.delete({ path: { department_id: above.open_department_id } })), 43012);
    await data(app.contact.v3.department.delete({ path }));
    assert.equal(await codeOf(app.contact.v3.department.delete({ path })), 40015);
  });
});

describe("what an app may see and change", () => {
  test("is told page by page", async () => {
    const pages = [];
    for await (const page of await app.contact.v3.scope.listWithIterator({ params: { page_size: 2 } })) pages.push(page);
    const departments = pages.flatMap((page) => page.department_ids ?? []);
    assert.ok(pages.length > 1 && departments.length >= 4);
    assert.equal(new Set(departments).size, departments.length);
    assert.equal(await codeOf(app.contact.v3.scope.list({ params: { page_size: 101 } })), 40011);
  });

  test("is nobody and no department, without the scope", async () => {
    const path = { department_id: works };
    for (const call of [
      () => other.contact.v3.user.create({ data: newcomer() }),
      () => other.contact.v3.user.delete({ path: { user_id: people[0].user_id }, params: BY_STAFF_NUMBER }),
      () => other.contact.v3.department.create({ data: { name: "x", parent_department_id: "0" } }),
      () => other.contact.v3.department.patch({ path, data: { name: "x" } }),
      () => other.contact.v3.department.delete({ path }),
    ]) assert.equal(await codeOf(call()), 99991672);
  });
});
