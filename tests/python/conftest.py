"""Starts the real server for the stories: a free port of loopback, an empty data folder, the demo organisation."""

import os
import pathlib
import signal
import subprocess
import threading

import pytest

from clarion_client import Connection, http

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "demo"
# Long enough for a busy machine; a story that fails does not wait for it, one that hangs does.
PATIENCE_S = 60


class Server:
    """One node. It keeps its port and its folder over a restart."""

    def __init__(self, folder: pathlib.Path, **settings: str):
        self.folder = folder
        self.settings = settings
        self.listen = "127.0.0.1:0"
        self.url = ""
        self.process: subprocess.Popen | None = None
        self.tokens: dict[tuple[str, str], dict] = {}
        self.start()

    def start(self) -> None:
        binary = os.environ.get("CLARION_BIN") or str(ROOT / "target" / "debug" / "clarion")
        if not os.access(binary, os.X_OK):
            pytest.fail(f"there is no server at {binary}: run `cargo build` first, or set CLARION_BIN")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLARION_")}
        environment |= {f"CLARION_{name}": value for name, value in self.settings.items()}
        log = self.folder / "server.log"
        self.process = subprocess.Popen(
            [binary, "--listen", self.listen, "--data", str(self.folder / "data")],
            stdout=subprocess.PIPE, stderr=log.open("ab"), text=True, env=environment, cwd=self.folder,
        )
        ready = threading.Event()

        def read() -> None:
            for line in self.process.stdout:
                if line.startswith("clarion is ready: "):
                    self.url = line.removeprefix("clarion is ready: ").strip()
                    ready.set()

        threading.Thread(target=read, daemon=True).start()
        for _ in range(PATIENCE_S * 20):
            if ready.wait(0.05):
                self.listen = self.url.removeprefix("http://").rstrip("/")
                self.url = f"http://{self.listen}"
                return
            if self.process.poll() is not None:
                break
        self.process.kill()
        pytest.fail(f"the server did not get ready. Its log ends:\n{log.read_text(errors='replace')[-4000:]}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ask_to_end(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.ask_to_end()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def sign_in(self, login: str, device_id: str | None = None) -> dict:
        """Tokens of a device of a person, signed in once."""
        device_id = device_id or f"device-of-{login}"
        if (login, device_id) not in self.tokens:
            self.tokens[login, device_id] = http.sign_in(self.url, login, PASSWORD, device_id)
        return self.tokens[login, device_id]

    def token(self, login: str, device_id: str | None = None) -> str:
        return self.sign_in(login, device_id)["access_token"]

    async def connect(self, login: str, encoding: str, device_id: str | None = None, **more) -> Connection:
        """A welcomed connection of a person."""
        device_id = device_id or f"device-of-{login}"
        connection = await Connection.open(self.url, encoding, **more)
        await connection.hello(device_id, self.token(login, device_id))
        return connection


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server that all stories share which leave it as it is."""
    server = Server(tmp_path_factory.mktemp("server"), COMMANDS_PER_SECOND="10000")
    yield server
    assert server.stop() == 0, "the server ends well when it is asked to"


@pytest.fixture
def start_server(tmp_path):
    """Starts servers of a story's own, with settings."""
    started = []

    def start(**settings: str) -> Server:
        folder = tmp_path / f"server-{len(started)}"
        folder.mkdir()
        started.append(Server(folder, **{"COMMANDS_PER_SECOND": "10000"} | settings))
        return started[-1]

    yield start
    for server in started:
        server.stop()
