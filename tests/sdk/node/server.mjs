// Starts the real server by tests/sdk/server.py and gives clients of the official SDK for the two demo apps.

import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import * as lark from "@larksuiteoapi/node-sdk";

export const APP_1 = { appId: "cli_c1a7104000000001", appSecret: "clarion-demo-secret-1" };
export const APP_2 = { appId: "cli_c1a7104000000002", appSecret: "clarion-demo-secret-2" };

async function startServer() {
  const script = fileURLToPath(new URL("../server.py", import.meta.url));
  const child = spawn(process.env.PYTHON ?? "python3", [script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) throw new Error("the server did not start; its log is above");
  return {
    url: first.value,
    async restart() {
      child.stdin.write("restart\n");
      assert.equal((await lines.next()).value, "restarted");
    },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.stdin.end();
      await ended;
    },
  };
}

// Each call that the SDK makes, and how it was answered, is written down for calls/test_calls.py: one file for each file of this suite.
const folder = fileURLToPath(new URL("../../../target/test-logs/sdk-calls/", import.meta.url));
const file = `${folder}node-${basename(process.argv[1], ".test.mjs")}.jsonl`;
mkdirSync(folder, { recursive: true });
rmSync(file, { force: true });

function record({ method, url }, status, reply) {
  const entry = { method: method.toUpperCase(), path: new URL(url).pathname, code: status };
  if (reply?.constructor === Object) {
    const { code, msg, ...body } = reply;
    Object.assign(entry, { code: code ?? status, body });
  } else entry.bytes = true;
  appendFileSync(file, JSON.stringify(entry) + "\n");
}

// What the SDK sends with when it is told nothing else, watched.
const httpInstance = {
  ...lark.defaultHttpInstance,
  async request(options) {
    try {
      const reply = await lark.defaultHttpInstance.request(options);
      record(options, 0, options.$return_headers ? reply.data : reply);
      return reply;
    } catch (error) {
      if (error.response) record(options, error.response.status, error.response.data);
      throw error;
    }
  },
};

// The SDK prints each refusal as an error; the refusals of these tests are wanted.
const silent = { error() {}, warn() {}, info() {}, debug() {}, trace() {} };

export function client(url, app, more = {}) {
  return new lark.Client({ ...app, domain: url, httpInstance, logger: silent, loggerLevel: lark.LoggerLevel.fatal, ...more });
}

export const fresh = () => randomUUID().replaceAll("-", "");

/** Awaits a call that must succeed, and gives its data. */
export async function data(promise) {
  const reply = await promise;
  assert.equal(reply.code, 0, JSON.stringify(reply));
  return reply.data;
}

/** Awaits a call that must be refused, and gives the code of the refusal. */
export const codeOf = async (promise) => (await refusal(promise)).code;

/** Awaits a call that must be refused, and gives the code of the refusal and its body. */
export async function refusal(promise) {
  const error = await promise.then(
    (reply) => assert.fail(`was not refused: ${JSON.stringify(reply)}`),
    (error) => error,
  );
  assert.ok(error.response, `no reply came: ${error}`);
  const body = error.response.data;
  assert.ok(body && typeof body.code === "number" && body.msg, `a refusal carries code and msg: ${JSON.stringify(body)}`);
  assert.match(error.response.headers["content-type"], /^application\/json/);
  return { status: error.response.status, ...body };
}

/** Every item of a call `…WithIterator`. */
export async function all(iterator) {
  const items = [];
  for await (const page of await iterator) items.push(...(page?.items ?? []));
  return items;
}

/** Everybody of the organisation, as this client's app sees them. */
export async function everybody(app, size = 50) {
  const people = new Map();
  const departments = await all(
    app.contact.v3.department.childrenWithIterator({ path: { department_id: "0" }, params: { fetch_child: true, page_size: size } }),
  );
  for (const id of ["0", ...departments.map((department) => department.open_department_id)]) {
    const found = await all(app.contact.v3.user.findByDepartmentWithIterator({ params: { department_id: id, page_size: size } }));
    for (const person of found) people.set(person.open_id, person);
  }
  return [...people.values()];
}

/** The server with the two demo apps, and everybody as the first one sees them. */
export async function office() {
  const server = await startServer();
  const app = client(server.url, APP_1);
  return { server, app, other: client(server.url, APP_2), people: await everybody(app) };
}

/** Everybody as another app sees them, by staff number: their open_ids differ from app to app. */
export const byStaffNumber = async (app) => new Map((await everybody(app)).map((person) => [person.user_id, person]));

export async function makeGroup(app, members, more = {}) {
  const reply = await app.im.v1.chat.create({
    params: { user_id_type: "open_id" },
    data: { name: "Wartung 检修", user_id_list: members.map((person) => person.open_id), ...more },
  });
  assert.equal(reply.code, 0);
  return reply.data.chat_id;
}

export function sendText(app, receive_id, text, { type = "chat_id", uuid } = {}) {
  return app.im.v1.message.create({ params: { receive_id_type: type }, data: { receive_id, msg_type: "text", content: JSON.stringify({ text }), uuid } });
}

export const textOf = (message) => JSON.parse(message.body.content).text;
