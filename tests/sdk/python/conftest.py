"""The server under test, a client of the official SDK for each of the two demo apps, and the people of the demo organisation."""

import json
import pathlib
import sys
import uuid

import lark_oapi as lark
import pytest
from lark_oapi.api.contact.v3 import (
    BatchGetIdUserRequest, BatchGetIdUserRequestBody, ChildrenDepartmentRequest, FindByDepartmentUserRequest,
)
from lark_oapi.api.im.v1 import CreateChatRequest, CreateChatRequestBody, CreateMessageRequest, CreateMessageRequestBody
from lark_oapi.core.http import Transport

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import RECORDS, Server  # noqa: E402

APP_1 = ("cli_c1a7104000000001", "clarion-demo-secret-1")
APP_2 = ("cli_c1a7104000000002", "clarion-demo-secret-2")


@pytest.fixture(scope="session", autouse=True)
def recorded_calls():
    """Writes down each call that the SDK makes and how it was answered, for calls/test_calls.py. The SDK itself stays as it is."""
    execute, lines = Transport.execute, []

    def watched(conf, request, option=None):
        reply = execute(conf, request, option)
        path = request.uri
        for name, value in (request.paths or {}).items():
            path = path.replace(":" + name, str(value))
        record = {"method": request.http_method.name, "path": path, "code": 0 if reply.status_code < 300 else reply.status_code}
        kind = {name.lower(): value for name, value in reply.headers.items()}.get("content-type", "")
        if kind.startswith("application/json"):
            body = json.loads(reply.content)
            record["code"] = body.get("code", record["code"])
            record["body"] = {name: value for name, value in body.items() if name not in ("code", "msg")}
        else:
            record["bytes"] = True
        lines.append(json.dumps(record) + "\n")
        return reply

    Transport.execute = staticmethod(watched)
    yield
    Transport.execute = staticmethod(execute)
    RECORDS.mkdir(parents=True, exist_ok=True)
    (RECORDS / "python.jsonl").write_text("".join(lines))


@pytest.fixture(scope="session")
def server():
    running = Server()
    yield running
    running.clean()


def sdk_client(url, app):
    return lark.Client.builder().app_id(app[0]).app_secret(app[1]).domain(url).log_level(lark.LogLevel.ERROR).build()


@pytest.fixture(scope="session")
def app(server):
    """The SDK as demo app 1."""
    return sdk_client(server.url, APP_1)


@pytest.fixture(scope="session")
def other_app(server):
    """The SDK as demo app 2."""
    return sdk_client(server.url, APP_2)


def ok(response):
    """The data of a reply that must be a success."""
    assert response.code == 0, f"code {response.code}: {response.msg} (HTTP {response.raw.status_code}: {response.raw.content[:400]})"
    assert response.raw.status_code == 200
    # Replies of calls that have no result carry no field for it in the SDK.
    return getattr(response, "data", None)


def refused(response, *codes, status=400):
    """Asserts a refusal with one of these codes, in the envelope that the reference promises."""
    assert response.code in codes, f"expected one of {codes}, got {response.code}: {response.msg}"
    assert response.raw.status_code == status, f"code {response.code} came with HTTP {response.raw.status_code}"
    assert response.msg, "a refusal says why"
    assert response.get_log_id(), "each reply carries X-Tt-Logid, with capitals, as the SDK looks it up"


def pages(call, build, size=50):
    """Every item of a paged call: `build(size, token)` makes the request."""
    items, token = [], None
    for _ in range(1000):
        data = ok(call(build(size, token)))
        items += data.items or []
        if not data.has_more:
            assert not data.page_token, "the last page has no page_token"
            return items
        assert data.page_token and data.page_token != token
        token = data.page_token
    raise AssertionError("the pages do not end")


def departments(app, parent="0", size=50, deep=True, id_type="open_department_id"):
    def build(size, token):
        request = ChildrenDepartmentRequest.builder().department_id(parent).fetch_child(deep).page_size(size).department_id_type(id_type)
        return (request.page_token(token) if token else request).build()

    return pages(app.contact.v3.department.children, build, size)


def people_of(app, department_id, size=50, user_id_type="open_id"):
    def build(size, token):
        request = FindByDepartmentUserRequest.builder().department_id(department_id).user_id_type(user_id_type).page_size(size)
        return (request.page_token(token) if token else request).build()

    return pages(app.contact.v3.user.find_by_department, build, size)


@pytest.fixture(scope="session")
def people(app):
    """Everybody of the demo organisation as app 1 sees them, by open_id order of discovery, each once."""
    found = {person.open_id: person for person in people_of(app, "0")}
    for department in departments(app):
        for person in people_of(app, department.open_department_id):
            found.setdefault(person.open_id, person)
    return list(found.values())


@pytest.fixture(scope="session")
def people_of_other_app(other_app, people):
    """open_id in app 2 of each of these people, by user_id."""
    found = {person.user_id: person for person in people_of(other_app, "0")}
    for department in departments(other_app):
        for person in people_of(other_app, department.open_department_id):
            found.setdefault(person.user_id, person)
    return found


def fresh():
    """An idempotency key that was never used."""
    return uuid.uuid4().hex


def make_group(app, members=(), bots=(), **fields):
    """A new group of this app with these people (open_ids) and bots (app ids); gives its chat_id."""
    body = CreateChatRequestBody.builder().name(fields.pop("name", "设备 overhaul")).user_id_list(list(members))
    if bots:
        body = body.bot_id_list(list(bots))
    for name, value in fields.items():
        body = getattr(body, name)(value)
    return ok(app.im.v1.chat.create(CreateChatRequest.builder().user_id_type("open_id").request_body(body.build()).build())).chat_id


def message_request(receive_id, content, id_type="chat_id", msg_type="text", key=None):
    content = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    body = CreateMessageRequestBody.builder().receive_id(receive_id).msg_type(msg_type).content(content)
    if key:
        body = body.uuid(key)
    return CreateMessageRequest.builder().receive_id_type(id_type).request_body(body.build()).build()


def send(app, receive_id, content, **more):
    return app.im.v1.message.create(message_request(receive_id, content, **more))


def send_text(app, chat_id, text, **more):
    """Sends a text that must be accepted; gives the message."""
    return ok(send(app, chat_id, {"text": text}, **more))


def text_of(message):
    return json.loads(message.body.content)["text"]


def ids_by(app, emails=None, mobiles=None, id_type="open_id"):
    body = BatchGetIdUserRequestBody.builder()
    if emails is not None:
        body = body.emails(emails)
    if mobiles is not None:
        body = body.mobiles(mobiles)
    return app.contact.v3.user.batch_get_id(BatchGetIdUserRequest.builder().user_id_type(id_type).request_body(body.build()).build())
