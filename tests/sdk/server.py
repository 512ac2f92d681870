"""Starts the real server for the SDK suites: a free port of loopback, an empty data folder, the demo organisation."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where the suites write down the calls that their SDK makes, for calls/test_calls.py.
RECORDS = ROOT / "target" / "test-logs" / "sdk-calls"


def binary() -> str:
    path = os.environ.get("CLARION_BIN") or str(ROOT / "target" / "debug" / "clarion")
    if not os.access(path, os.X_OK):
        sys.exit(f"there is no server at {path}: run `cargo build` first, or set CLARION_BIN")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One node with a data folder of its own. It keeps its port over a restart."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="clarion-sdk-")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = pathlib.Path(self.folder) / "server.log"
        self.process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLARION_")}
        self.process = subprocess.Popen(
            [binary(), "--listen", f"127.0.0.1:{self.port}", "--data", os.path.join(self.folder, "data")],
            stdout=subprocess.PIPE, stderr=self.log.open("ab"), text=True, env=environment, cwd=self.folder,
        )
        ready = threading.Event()

        def read() -> None:
            for line in self.process.stdout:
                if line.startswith("clarion is ready: "):
                    ready.set()

        threading.Thread(target=read, daemon=True).start()
        deadline = time.monotonic() + 60
        while not ready.wait(0.05):
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = self.log.read_text(errors="replace")[-4000:]
                self.stop()
                raise RuntimeError(f"the server did not say that it is ready within 60 s. Its log ends:\n{log}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart_after_kill(self) -> None:
        self.kill()
        self.start()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def clean(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    # For suites in other languages: prints the URL, and stops when its standard input closes or a line `restart` comes.
    server = Server()
    try:
        print(server.url, flush=True)
        for line in sys.stdin:
            if line.strip() == "restart":
                server.restart_after_kill()
                print("restarted", flush=True)
    finally:
        server.clean()
