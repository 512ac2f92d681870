"""An app signs in with its secret, is told who it is, and is refused with the code that says why."""

import json

import lark_oapi as lark
import requests
from lark_oapi.api.auth.v3 import (
    InternalAppAccessTokenRequest, InternalAppAccessTokenRequestBody, InternalTenantAccessTokenRequest, InternalTenantAccessTokenRequestBody,
)
from lark_oapi.api.im.v1 import ListChatRequest
from lark_oapi.api.tenant.v2 import QueryTenantRequest

from conftest import APP_1, APP_2, ok, refused

TENANT_TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"


def ask_token(app, app_id, secret):
    body = InternalTenantAccessTokenRequestBody.builder().app_id(app_id).app_secret(secret).build()
    response = app.auth.v3.tenant_access_token.internal(InternalTenantAccessTokenRequest.builder().request_body(body).build())
    return response, json.loads(response.raw.content)


def bare(method, uri, tokens=frozenset({lark.AccessTokenType.TENANT}), body=None):
    request = lark.BaseRequest.builder().http_method(method).uri(uri).token_types(set(tokens))
    return (request.body(body) if body is not None else request).build()


def test_the_right_secret_gives_a_token_that_lasts(app):
    response, body = ask_token(app, *APP_1)
    assert response.code == 0 and body["msg"], body
    assert body["tenant_access_token"].startswith("t-")
    assert 1800 <= body["expire"] <= 7200, "shorter than 30 minutes would make the Python SDK ask again and again"


def test_while_half_an_hour_is_left_the_same_token_comes_again(app):
    assert ask_token(app, *APP_1)[1]["tenant_access_token"] == ask_token(app, *APP_1)[1]["tenant_access_token"]


def test_each_app_has_a_token_of_its_own(app):
    assert ask_token(app, *APP_1)[1]["tenant_access_token"] != ask_token(app, *APP_2)[1]["tenant_access_token"]


def test_a_wrong_secret_and_an_unknown_app_get_no_token(app):
    for app_id, secret, codes in [(APP_1[0], "wrong", {10015, 10014}), (APP_1[0], APP_2[1], {10015, 10014}), ("cli_ffffffffffffffff", "x", {10003, 10014}), ("", "", {10003})]:
        response, body = ask_token(app, app_id, secret)
        assert body["code"] in codes, (app_id, secret, body)
        assert "tenant_access_token" not in body or not body["tenant_access_token"]


def test_the_app_token_of_a_self_built_app_is_its_tenant_token(app):
    def ask(app_id, secret):
        body = InternalAppAccessTokenRequestBody.builder().app_id(app_id).app_secret(secret).build()
        return json.loads(app.auth.v3.app_access_token.internal(InternalAppAccessTokenRequest.builder().request_body(body).build()).raw.content)

    reply = ask(*APP_1)
    assert reply["code"] == 0
    assert reply["app_access_token"] == reply["tenant_access_token"]
    assert ask(APP_1[0], "wrong")["code"] in (10015, 10014)


def test_the_organisation_has_a_name(app):
    tenant = ok(app.tenant.v2.tenant.query(QueryTenantRequest.builder().build())).tenant
    assert tenant.name and tenant.tenant_key and tenant.avatar.avatar_origin.startswith("http")


def test_the_bot_knows_its_name_and_its_open_id(app, other_app):
    seen = []
    for client in (app, other_app):
        response = client.request(bare(lark.HttpMethod.GET, "/open-apis/bot/v3/info"))
        assert response.code == 0, response.raw.content
        body = json.loads(response.raw.content)
        assert "data" not in body, "`bot` stands beside `code`"
        bot = body["bot"]
        assert bot["activate_status"] == 2
        assert bot["open_id"].startswith("ou_") and bot["app_name"] and bot["avatar_url"].startswith("http")
        assert isinstance(bot["ip_white_list"], list)
        seen.append((bot["open_id"], bot["app_name"]))
    assert seen[0] != seen[1]


def test_a_token_that_is_none_is_refused_with_the_code_that_says_so(app):
    list_chats = ListChatRequest.builder().build()
    for token, codes in [("t-garbage", (99991663,)), ("hello", (99991671,)), ("u-garbage", (99991668, 99991677))]:
        # The typed calls put their own token in; a bare request takes the header as given.
        request = bare(lark.HttpMethod.GET, "/open-apis/im/v1/chats", tokens=())
        request.headers["Authorization"] = "Bearer " + token
        response = app.request(request)
        assert response.code in codes, (token, response.code, response.msg)
        assert response.raw.status_code in (400, 401)
    response = app.request(bare(lark.HttpMethod.GET, "/open-apis/im/v1/chats", tokens=()))
    assert response.code == 99991661
    ok(app.im.v1.chat.list(list_chats))


def test_a_token_with_one_character_changed_is_refused(app, server):
    token = ask_token(app, *APP_1)[1]["tenant_access_token"]
    middle = len(token) // 2
    forged = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:]
    reply = requests.get(server.url + "/open-apis/im/v1/chats", headers={"Authorization": "Bearer " + forged}, timeout=10)
    assert reply.json()["code"] == 99991663


def test_an_unknown_path_and_a_wrong_method_are_told_apart(app):
    response = app.request(bare(lark.HttpMethod.GET, "/open-apis/im/v1/no_such_thing"))
    refused(response, 99991201, status=404)
    response = app.request(bare(lark.HttpMethod.PATCH, "/open-apis/im/v1/chats"))
    refused(response, 99991301, status=405)


def test_a_body_that_is_no_json_is_refused_not_a_crash(server, app):
    token = ask_token(app, *APP_1)[1]["tenant_access_token"]
    head = {"Authorization": "Bearer " + token}
    for body in (b"{", b"\xff\xfe", b"[1,2]", b'"text"', b"{" * 5000):
        reply = requests.post(server.url + "/open-apis/im/v1/messages?receive_id_type=chat_id", data=body, headers=head, timeout=10)
        assert reply.status_code == 400 and reply.json()["code"] in (9499, 99992402, 230001), (body[:20], reply.text)


def test_what_the_sdks_send_oddly_is_taken(server, app):
    """No Content-Type, a body on GET, booleans with capitals: measured habits of the two SDKs."""
    token = ask_token(app, *APP_1)[1]["tenant_access_token"]
    head = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    reply = requests.get(server.url + "/open-apis/im/v1/chats", data="{}", headers=head, timeout=10)
    assert reply.json()["code"] == 0
    for truth in ("True", "true", "1", "False", "false", "0"):
        reply = requests.get(server.url + f"/open-apis/contact/v3/departments/0/children?fetch_child={truth}", headers=head, timeout=10)
        assert reply.json()["code"] == 0, (truth, reply.text)
    session = requests.Session()
    request = requests.Request("POST", server.url + TENANT_TOKEN, data=json.dumps({"app_id": APP_1[0], "app_secret": APP_1[1]}).encode()).prepare()
    request.headers.pop("Content-Type", None)
    assert session.send(request, timeout=10).json()["code"] == 0


def test_a_token_outlives_a_kill_of_the_server(server, app):
    """Neither SDK asks for a new token before the announced time is over, so a restart must not forget them."""
    before = ok(app.im.v1.chat.list(ListChatRequest.builder().build()))
    server.restart_after_kill()
    after = ok(app.im.v1.chat.list(ListChatRequest.builder().build()))
    assert len(before.items or []) == len(after.items or [])
