"""What the engine's client makes of answers that are not plain successes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seald.errors import EngineRefused
from seald.serving.client import EngineClient

HELD = "seald-0123456789ab"


class Full(BaseHTTPRequestHandler):
    """A server that holds one adapter and takes no other."""

    def do_GET(self) -> None:
        self._say(200, {"data": [{"id": "base"}, {"id": HELD, "parent": "base"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._say(400, {"error": {"message": "no"}})

    def _say(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def client() -> Iterator[EngineClient]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Full) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = EngineClient(f"http://127.0.0.1:{server.server_port}", key=None, timeout_seconds=5)
        yield made
        made.close()
        server.shutdown()


def test_an_adapter_that_outlived_the_daemon_stays(client: EngineClient) -> None:
    client.load(HELD, Path("/somewhere"))


def test_one_that_cannot_be_loaded_is_refused(client: EngineClient) -> None:
    with pytest.raises(EngineRefused, match="400"):
        client.load("seald-ffffffffffff", Path("/somewhere"))
