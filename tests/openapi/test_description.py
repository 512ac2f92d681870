"""The description of the open API: valid OpenAPI 3.1, readable by people, and true of the server whatever is sent to it."""

import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sdk"))
from server import Server  # noqa: E402

APP = {"app_id": "cli_c1a7104000000001", "app_secret": "clarion-demo-secret-1"}
# Seconds for everything that is made up and sent.
MAX_TIME = int(os.environ.get("SCHEMATHESIS_SECONDS", "90"))
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def server():
    running = Server()
    yield running
    running.clean()


def fetch(url, body=None):
    request = urllib.request.Request(url, data=body and json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=20) as reply:
        return reply.headers, reply.read().decode()


def resident_kb(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text()).group(1))


def test_the_description_is_valid_openapi_3_1(server):
    headers, text = fetch(server.url + "/open-apis/openapi.json")
    assert headers["Content-Type"].startswith("application/json")
    description = json.loads(text)
    assert description["openapi"].startswith("3.1.")
    assert description["servers"] == [{"url": server.url}]
    errors = list(OpenAPIV31SpecValidator(description).iter_errors())
    assert not errors, errors[:3]
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    assert len(operations) > 30
    assert all(operation["summary"] and operation["operationId"] for operation in operations)


def test_the_page_shows_every_call_and_needs_nothing_from_elsewhere(server):
    _, text = fetch(server.url + "/open-apis/openapi.json")
    for path in ("/open-apis/", "/open-apis"):
        headers, page = fetch(server.url + path)
        assert headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        for path in json.loads(text)["paths"]:
            assert re.sub(r"{(\w+)}", r":\1", path) in page
        assert not re.search(r"(src|href)=\"?(https?:)?//", page)


def test_whatever_is_sent_the_answer_is_as_described(server):
    _, text = fetch(server.url + "/open-apis/auth/v3/tenant_access_token/internal", APP)
    token = json.loads(text)["tenant_access_token"]
    command = [
        str(pathlib.Path(sys.executable).parent / "st"), "run", server.url + "/open-apis/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--checks", CHECKS, "--max-time", str(MAX_TIME), "--phases", "coverage,fuzzing",
        # One thread: Python 3.11's parser counts its depth over all threads, and hypothesis asks it.
        "--workers", "1", "--seed", "4", "--no-shrink", "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    before = resident_kb(server.process)
    # A process of its own, so that a hang is a failure and not the end of the suite.
    run = subprocess.run(command, capture_output=True, text=True, timeout=MAX_TIME * 3 + 60, cwd=server.folder, env=environment)
    assert run.returncode == 0, run.stdout[-12_000:] + run.stderr[-2_000:]
    counted = re.search(r"(\d[\d,]*) (?:generated|test cases)", run.stdout)
    print(run.stdout[-1_500:])
    assert counted, run.stdout[-3_000:]
    assert server.process.poll() is None, "the server lives"
    grown = resident_kb(server.process) - before
    assert grown < 200_000, f"the server grew by {grown} KB"
