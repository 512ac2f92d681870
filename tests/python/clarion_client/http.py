"""What stands beside the socket: signing in, files. Blocking; call it with `asyncio.to_thread`."""

import json
import urllib.error
import urllib.parse
import urllib.request

from . import codec
from .connection import Refused

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status: int, headers, body: bytes):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> dict:
        return json.loads(self.body)


def request(method: str, url: str, body: bytes | None = None, headers: dict | None = None) -> Answer:
    """One request; errors are answers too."""
    try:
        with OPENER.open(urllib.request.Request(url, data=body, method=method, headers=headers or {}), timeout=30) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def call(url: str, path: str, body: dict, token: str | None = None) -> dict:
    """A POST of JSON; an error is raised as a refusal."""
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    answer = request("POST", url + path, json.dumps(body).encode(), headers)
    if answer.status >= 400:
        raise Refused(codec.complete("ErrorBody", answer.json()))
    return answer.json() if answer.body else {}


def sign_in(url: str, login: str, password: str, device_id: str, kind: str = "tool", name: str = "Test") -> dict:
    body = {"login": login, "password": password, "device_id": device_id, "device_kind": kind, "device_name": name}
    return codec.complete("SignedIn", call(url, "/auth/v1/sign_in", body))


def refresh(url: str, refresh_token: str) -> dict:
    return codec.complete("SignedIn", call(url, "/auth/v1/refresh", {"refresh_token": refresh_token}))


def sign_out(url: str, token: str) -> None:
    call(url, "/auth/v1/sign_out", {}, token)


def upload(url: str, token: str, name: str, content: bytes) -> dict:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
    answer = request("POST", f"{url}/files?name={urllib.parse.quote(name)}", content, headers)
    if answer.status >= 400:
        raise Refused(codec.complete("ErrorBody", answer.json()))
    return answer.json()


def download(url: str, token: str, key: str, range: str | None = None) -> Answer:
    headers = {"Authorization": f"Bearer {token}"}
    if range is not None:
        headers["Range"] = range
    return request("GET", f"{url}/files/{key}", headers=headers)
