"""Dangers: frames that are not as the document says, tokens that are not good, and files of others."""

import asyncio
import json
import pathlib
import random

import pytest
import websockets
from websockets.asyncio.client import connect

from clarion_client import JSON, MSGPACK, Closed, Connection, Refused, http
from conftest import PASSWORD
from stories import ANNA, BERT, CARA, DORA, PATIENCE_S, closed, fresh, group, png, refused, story

VECTORS_FOLDER = pathlib.Path(__file__).resolve().parents[2] / "protocol" / "vectors"
VECTORS = json.loads((VECTORS_FOLDER / "malformed.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in VECTORS])
@story
async def test_malformed_frames_end_as_the_document_says(server, vector):
    encoding = JSON if vector["encoding"] == "json" else MSGPACK
    connection = await Connection.open(server.url, encoding)
    if not vector.get("before_hello"):
        await connection.hello("malformed-01", server.token(ANNA, "malformed-01"))
    payload = vector["payload"].encode() if "payload" in vector else bytes.fromhex(vector["payload_hex"])
    payload = payload.ljust(vector.get("padded_to_bytes", 0), b" " if vector["frame"] == "text" else b"\0")
    answer = asyncio.get_running_loop().create_future()
    outcome = vector["outcome"]
    if "id" in outcome:
        connection.waiting[outcome["id"]] = ("Done", answer)
        connection.next_id = outcome["id"] + 1
    await connection.write(payload.decode() if vector["frame"] == "text" else payload)
    if "close" in outcome:
        assert (await closed(connection)).code == outcome["close"]
        return
    if "error" in outcome:
        with pytest.raises(Refused) as caught:
            await asyncio.wait_for(answer, PATIENCE_S)
        assert caught.value.code == outcome["error"], str(caught.value)
    connection.next_id = 100
    assert (await connection.devices())["devices"], "the session goes on"
    await connection.close()


@pytest.mark.parametrize("encoding", [JSON, MSGPACK])
@story
async def test_a_token_that_is_not_good_closes_with_the_reason(server, encoding):
    good = server.token(ANNA, "laptop-0005")
    for token, device in [("", "laptop-0005"), ("x" * 5_000, "laptop-0005"), (good[:-2], "laptop-0005"), (good[:-1] + chr(ord(good[-1]) ^ 1), "laptop-0005"), (good, "laptop-0006"), (good, "laptop-00055")]:
        connection = await Connection.open(server.url, encoding)
        with pytest.raises(Exception) as caught:
            await connection.hello(device, token)
        assert (caught.value.code, caught.value.come_back) == (4100, "sign in"), f"{token[:20]} on {device}"
    connection = await Connection.open(server.url, encoding)
    with pytest.raises(Exception) as caught:
        await connection.hello("laptop-0005", good, version=0)
    assert (caught.value.code, caught.value.come_back) == (4201, "never")
    connection = await Connection.open(server.url, encoding)
    assert (await connection.hello("laptop-0005", good, version=60_000))["me"]["user_id"] == ANNA, "a later version is served as ours"
    await connection.close()


@story
async def test_refresh_tokens_rotate_and_a_signed_out_device_stays_out(server):
    url = server.url
    first = await asyncio.to_thread(http.sign_in, url, BERT, PASSWORD, "rotating-01")
    assert first["me"]["user_id"] == BERT and first["expires_in"] > 0
    second = await asyncio.to_thread(http.refresh, url, first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    again = await asyncio.to_thread(http.refresh, url, first["refresh_token"])
    assert again["refresh_token"] == second["refresh_token"], "an answer that was lost is given again"
    connection = await Connection.open(url, JSON)
    await connection.hello("rotating-01", second["access_token"])
    await asyncio.to_thread(http.sign_out, url, second["access_token"])
    assert (await closed(connection)).code == 4102
    for token in (first, second):
        connection = await Connection.open(url, JSON)
        with pytest.raises(Exception) as caught:
            await connection.hello("rotating-01", token["access_token"])
        assert caught.value.code == 4102
        await refused(asyncio.to_thread(http.refresh, url, token["refresh_token"]), 4100, 4102)


def test_signing_in_is_refused_with_numbers(server):
    for login, password in [(ANNA, "wrong"), ("nobody-1", PASSWORD), ("", ""), (ANNA, "")]:
        body = {"login": login, "password": password, "device_id": "laptop-0007", "device_kind": "tool", "device_name": "t"}
        answer = http.request("POST", server.url + "/auth/v1/sign_in", json.dumps(body).encode(), {"Content-Type": "application/json"})
        assert (answer.status, answer.json()["code"]) == (401, 2016)
    body = {"login": ANNA, "password": PASSWORD, "device_id": "a b", "device_kind": "tool", "device_name": "t"}
    answer = http.request("POST", server.url + "/auth/v1/sign_in", json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert answer.status == 400
    answer = http.request("POST", server.url + "/auth/v1/sign_in", b"{", {"Content-Type": "application/json"})
    assert (answer.status, answer.json()["code"]) == (400, 1001)
    answer = http.request("POST", server.url + "/auth/v1/sign_in", b"{}", {"Content-Type": "text/plain"})
    assert (answer.status, answer.json()["code"]) == (415, 1001)


def test_a_browser_signs_in_by_cookie_and_only_from_our_pages(server):
    body = json.dumps({"login": CARA, "password": PASSWORD, "device_id": "browser-0001", "device_kind": "browser", "device_name": "t"}).encode()
    own = {"Content-Type": "application/json", "Origin": server.url}
    answer = http.request("POST", server.url + "/web/sign_in", body, own)
    assert answer.status == 200 and not answer.json().get("access_token") and not answer.json().get("refresh_token")
    cookies = answer.headers.get_all("Set-Cookie")
    session, = [cookie for cookie in cookies if cookie.startswith("clarion_session=")]
    assert "HttpOnly" in session and "SameSite=Strict" in session and "Path=/" in session
    cookie = {"Cookie": "; ".join(one.split(";")[0] for one in cookies)}
    assert http.request("GET", server.url + "/web/session", headers=cookie).json()["me"]["user_id"] == CARA
    assert http.request("GET", server.url + "/web/session").status == 401
    for path in ("/web/sign_in", "/web/refresh", "/web/sign_out"):
        for origin in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
            assert http.request("POST", server.url + path, body, {"Content-Type": "application/json"} | cookie | origin).status == 403

    @story
    async def over_the_socket():
        connection = await Connection.open(server.url, JSON, headers=cookie | {"Origin": server.url})
        assert (await connection.hello("browser-0001"))["me"]["user_id"] == CARA
        await connection.close()
        for origin in ({"Origin": "https://evil.example"}, {}):
            with pytest.raises(websockets.InvalidStatus) as caught:
                await Connection.open(server.url, JSON, headers=cookie | origin)
            assert caught.value.response.status_code == 403, "any page of the world can open a socket"

    over_the_socket()
    assert http.request("POST", server.url + "/web/refresh", b"{}", own | cookie).status == 200
    assert http.request("POST", server.url + "/web/sign_out", b"{}", own | cookie).status == 204


@story
async def test_a_file_is_only_for_those_who_were_sent_it(server):
    anna, bert, dora = [await server.connect(login, JSON) for login in (ANNA, BERT, DORA)]
    fetch = lambda login, key, range=None: asyncio.to_thread(http.download, server.url, server.token(login), key, range)
    content = fresh().encode() * 1000
    uploaded = await asyncio.to_thread(http.upload, server.url, server.token(ANNA), "报告 1.txt", content)
    assert (uploaded["name"], uploaded["size_bytes"]) == ("报告 1.txt", len(content))
    assert (await fetch(ANNA, uploaded["key"])).body == content
    for login in (BERT, DORA):
        answer = await fetch(login, uploaded["key"])
        assert (answer.status, answer.json()["code"]) == (404, 2010)
    assert (await fetch(DORA, uploaded["key"])).json() == (await fetch(DORA, "f_" + "0" * 32)).json(), "nobody can tell that it exists"
    chat_id = (await group(anna, BERT))["chat_id"]
    await anna.send(chat_id=chat_id, client_message_id=fresh(), content={"file": {"key": uploaded["key"]}})
    shown = (await bert.history(chat_id=chat_id))["records"][-1]["change"]["message"]["content"]["file"]
    assert (shown["name"], shown["size_bytes"]) == ("报告 1.txt", len(content)), "the server fills in what it knows"
    answer = await fetch(BERT, uploaded["key"])
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and "attachment" in answer.headers["Content-Disposition"]
    part = await fetch(BERT, uploaded["key"], "bytes=10-19")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, content[10:20], f"bytes 10-19/{len(content)}")
    assert (await fetch(BERT, uploaded["key"], f"bytes={len(content)}-")).status == 416
    assert (await fetch(DORA, uploaded["key"])).status == 404
    other = (await dora.open_direct(user_id=BERT))["chat_id"]
    await refused(dora.send(chat_id=other, client_message_id=fresh(), content={"file": {"key": uploaded["key"]}}), 2010)
    await anna.remove_members(chat_id=chat_id, user_ids=[BERT])
    assert (await fetch(BERT, uploaded["key"])).status == 404
    assert http.request("GET", f"{server.url}/files/{uploaded['key']}").status == 401
    for connection in (anna, bert, dora):
        await connection.close()


@story
async def test_an_image_is_known_by_its_bytes(server):
    anna = await server.connect(ANNA, JSON)
    image = await asyncio.to_thread(http.upload, server.url, server.token(ANNA), "a.txt", png(2, 3))
    assert (image["media_type"], image["width"], image["height"]) == ("image/png", 2, 3)
    chat_id = (await group(anna, BERT))["chat_id"]
    await anna.send(chat_id=chat_id, client_message_id=fresh(), content={"image": {"key": image["key"], "width": 9_999}})
    shown = (await anna.history(chat_id=chat_id))["records"][-1]["change"]["message"]["content"]["image"]
    assert (shown["width"], shown["height"], shown["size_bytes"]) == (2, 3, len(png(2, 3)))
    page = await asyncio.to_thread(http.upload, server.url, server.token(ANNA), "evil.png", b"<html><script>alert(1)</script></html>")
    assert not page["media_type"].startswith("image/")
    await refused(anna.send(chat_id=chat_id, client_message_id=fresh(), content={"image": {"key": page["key"]}}), 1004)
    answer = await asyncio.to_thread(http.download, server.url, server.token(ANNA), page["key"])
    assert "attachment" in answer.headers["Content-Disposition"]
    await anna.close()


@story
async def test_an_upgrade_without_a_subprotocol_of_ours_is_refused(server):
    address = "ws" + server.url.removeprefix("http") + "/ws"
    for offered in (None, ["chat"]):
        with pytest.raises(websockets.InvalidStatus) as caught:
            await connect(address, subprotocols=offered, proxy=None)
        assert caught.value.response.status_code == 400
    connection = await connect(address, subprotocols=["chat", MSGPACK, JSON], proxy=None)
    assert connection.subprotocol == MSGPACK, "the first of the client's list that the server knows"
    assert "Sec-WebSocket-Extensions" not in connection.response.headers
    await connection.close()
    assert http.request("GET", server.url + "/ws").status == 426


COMMANDS = [vector for file in ("commands", "handshake") for vector in json.loads((VECTORS_FOLDER / f"{file}.json").read_text(encoding="utf-8")) if vector["direction"] == "client"]


@pytest.mark.parametrize("seed", range(4))
@story
async def test_damaged_frames_end_a_session_at_worst(server, seed):
    """Frames of the vectors with bytes changed, cut or doubled: the server answers, or closes with a number, and goes on for others."""
    chance = random.Random(seed)
    witness = await server.connect(BERT, JSON)
    connection = None
    for _ in range(150):
        if connection is None or connection.closed.done():
            connection = await server.connect(CARA, MSGPACK, f"damaged-{seed:04}")
        frame = bytearray.fromhex(chance.choice(COMMANDS)["msgpack"])
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(frame))
            frame[place:place + chance.choice([0, 1, 1, 4])] = chance.choice([b"", bytes([chance.randrange(256)]), b"\xdd\xff\xff\xff\xff", bytes(frame[:place])])[:2_000] or b"\0"
        # A command that happens to be good may sign this device out; everything else is refused or closes.
        try:
            await connection.write(bytes(frame))
        except Closed:
            pass
        if chance.random() < 0.2:
            try:
                connection.next_id = 1_000
                await asyncio.wait_for(connection.devices(), PATIENCE_S)
            except Closed as ended:
                assert ended.code in (4102, 4200, 4202), str(ended)
                server.tokens.pop((CARA, f"damaged-{seed:04}"), None)
    assert (await witness.devices())["devices"]
    await witness.close()
    await connection.close()
