"""Whether the suites of the official SDKs leave a call of the open API out, and whether replies still have the shape that clients know.

Both suites write down each call that their SDK made, into target/test-logs/sdk-calls; this runs after them and reads that.
"""

import collections
import json
import os
import pathlib
import re
import sys
import urllib.request

import pytest

import shape

FOLDER = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(FOLDER))
from server import RECORDS, Server  # noqa: E402

SHAPES = FOLDER / "shapes.json"
SUITES = ("node", "python")

# Each of these is held both ways: a call must not stand here without need.
# Calls that the suite of an SDK does not make, with the reason.
NEVER_CALLED = {
    "python": {"PUT /open-apis/clarion/v1/uploads/{upload_id}": "the SDK makes JSON of every body, and this one is bytes: they go beside it, with its token"},
    "node": {
        "POST /open-apis/bot/v2/hook/{token}": "the address comes from a person at a client, whom only the Python suite has",
        "POST /open-apis/bot/hook/{token}": "likewise",
    },
}

NO_BLOCKS = "announcements have no blocks here: the call only says which to use instead"
NOT_HERE = "is not here yet: the call only says so"
NO_PROVIDER = "needs a provider that costs something, and the server of these suites has none"
# Calls that never succeed, with the reason.
NEVER_DONE = {
    "DELETE /open-apis/docx/v1/chats/{chat_id}/announcement/blocks/{block_id}/children/batch_delete": NO_BLOCKS,
    "GET /open-apis/docx/v1/chats/{chat_id}/announcement/blocks": NO_BLOCKS,
    "GET /open-apis/docx/v1/chats/{chat_id}/announcement/blocks/{block_id}": NO_BLOCKS,
    "GET /open-apis/docx/v1/chats/{chat_id}/announcement/blocks/{block_id}/children": NO_BLOCKS,
    "PATCH /open-apis/docx/v1/chats/{chat_id}/announcement/blocks/batch_update": NO_BLOCKS,
    "POST /open-apis/docx/v1/chats/{chat_id}/announcement/blocks/{block_id}/children": NO_BLOCKS,
    "PATCH /open-apis/im/v1/messages/{message_id}/urgent_phone": NO_PROVIDER,
    "PATCH /open-apis/im/v1/messages/{message_id}/urgent_sms": NO_PROVIDER,
    "POST /open-apis/im/v1/messages/search": NOT_HERE,
    "POST /open-apis/interactive/v1/card/update": "its token comes with the press on a card, and presses are not told to apps yet; tests/it/cards.rs makes one",
}

ASKS_NOTHING = "asks for nothing that could be wrong"
# Calls that are never refused, apart from their token and scope, with the reason.
NEVER_REFUSED = {
    "GET /open-apis/bot/v3/info": ASKS_NOTHING,
    "GET /open-apis/tenant/v2/tenant/query": ASKS_NOTHING,
    "GET /open-apis/openapi.json": ASKS_NOTHING,
    "DELETE /open-apis/clarion/v1/uploads/{upload_id}": "letting go what is not there is a success",
}

# Replies that have no shape of their own, with the reason.
WITHOUT_SHAPE = {"GET /open-apis/openapi.json": "is the description, which tests/openapi holds"}

# Refusals that any call gives: of the token (99991661 to 99991679), and of the rate. They do not count as an unhappy case of a call.
OF_ANY_CALL = {*range(99991661, 99991680), 99991400}


@pytest.fixture(scope="module")
def described():
    """The calls that the server describes, as `GET /open-apis/im/v1/chats/{chat_id}`."""
    server = Server()
    try:
        with urllib.request.urlopen(server.url + "/open-apis/openapi.json") as reply:
            paths = json.load(reply)["paths"]
    finally:
        server.clean()
    return [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods if method in ("get", "put", "post", "patch", "delete")]


@pytest.fixture(scope="module")
def made(described):
    """What was answered, by suite and call. What is no call of the server, such as a path that a test made up, is left out."""
    names = {path.stem.split("-")[0] for path in RECORDS.glob("*.jsonl")}
    assert names == set(SUITES), f"both SDK suites have to run before this: tests/run sdk-python sdk-node sdk-calls. There is {sorted(names)}"
    # Fixed paths before those with a parameter: `users/batch` is not the person `batch`.
    patterns = [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(call)) + "/?"), call) for call in sorted(described, key=lambda call: call.count("{"))]
    replies = {suite: collections.defaultdict(list) for suite in names}
    for path in sorted(RECORDS.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            call = next((call for pattern, call in patterns if pattern.fullmatch(f"{record['method']} {record['path']}")), None)
            if call:
                replies[path.stem.split("-")[0]][call].append(record)
    return replies


def told(title, calls):
    return title + "".join(f"\n  {call}" for call in sorted(calls))


def held(missing, allowed, title):
    assert not set(missing) - set(allowed), told(title, set(missing) - set(allowed))
    assert not set(allowed) - set(missing), told("These stand among the exceptions and need not:", set(allowed) - set(missing))


@pytest.mark.parametrize("suite", SUITES)
def test_no_call_is_left_out(described, made, suite):
    held([call for call in described if call not in made[suite]], NEVER_CALLED[suite], f"No scenario of the {suite} SDK makes these calls:")


@pytest.mark.parametrize("suite", SUITES)
def test_each_call_is_seen_to_succeed(made, suite):
    missing = [call for call, replies in made[suite].items() if not any(record["code"] == 0 for record in replies)]
    held(missing, NEVER_DONE, f"No scenario of the {suite} SDK sees these calls succeed:")


@pytest.mark.parametrize("suite", SUITES)
def test_each_call_is_seen_to_be_refused(made, suite):
    missing = [call for call, replies in made[suite].items() if not any(record["code"] != 0 and record["code"] not in OF_ANY_CALL for record in replies)]
    held(missing, NEVER_REFUSED, f"No scenario of the {suite} SDK sees these calls refused for what they ask:")


def test_replies_have_the_shape_that_clients_know(made):
    seen, both = {}, collections.defaultdict(list)
    for suite in SUITES:
        for call, replies in made[suite].items():
            both[call] += replies
    for call, replies in both.items():
        shapes = [shape.of(record["body"]) if "body" in record else "bytes" for record in replies if record["code"] == 0]
        if shapes and call not in WITHOUT_SHAPE:
            seen[call] = shape.added(*shapes)
    if os.environ.get("UPDATE_SHAPES"):
        SHAPES.write_text(json.dumps(seen, indent=1, sort_keys=True) + "\n")
    kept = json.loads(SHAPES.read_text())
    lines = [f"{call}: no shape is kept of it" for call in seen.keys() - kept.keys()]
    lines += [f"{call}: a shape is kept, and no scenario sees it succeed" for call in kept.keys() - seen.keys()]
    lines += [f"{call}: {line}" for call in seen.keys() & kept.keys() for line in shape.misfits(seen[call], kept[call])]
    assert not lines, told("Replies differ from tests/sdk/shapes.json. Where that is wanted, run with UPDATE_SHAPES=1 and look at the difference:", lines)
