"""A real daemon in a process of its own, for the tests that drive seald from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

START_SECONDS = 240.0
FINAL = {"promoted", "rejected", "held", "failed", "cancelled"}


@dataclass
class DaemonProcess:
    """Starts `seald serve` on a data folder; may be killed and started again on the same one."""

    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        return self.data_dir / "daemon.log"

    def start(self, *, wait: bool = True) -> DaemonProcess:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "seald", "serve", "--data-dir", str(self.data_dir), "--port", str(self.port)],
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log_file.read_text()[-3000:]
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise TimeoutError(self.log_file.read_text()[-3000:])

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def get(self, path: str, **params: Any) -> Any:
        answer = httpx.get(f"{self.url}{path}", params=params, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any], *, timeout: float = 120) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json=body, timeout=timeout)

    def replicas(self) -> list[dict[str, Any]]:
        """Its engines: `{ready, detail, pid, loaded}` each."""
        return list(self.get("/v1/status")["engine"]["replicas"])

    def engine(self) -> dict[str, Any]:
        """Its one engine."""
        (only,) = self.replicas()
        return dict(only)

    def ask(self, question: str, *, model: str = "seald", max_tokens: int = 48) -> str:
        answer = self.post(
            "/v1/chat/completions",
            {
                "model": model,
                "messages": [{"role": "user", "content": question}],
                "temperature": 0,
                "max_tokens": max_tokens,
            },
            timeout=300,
        )
        answer.raise_for_status()
        return str(answer.json()["choices"][0]["message"]["content"])

    def teach(self, document: dict[str, str]) -> None:
        """Send a document and wait until its version is live."""
        sent = self.post("/v1/documents", document).json()["adaptation"]
        assert self.finish(sent)["status"] == "promoted"

    def finish(self, adaptation: str, *, seconds: float = 900) -> dict[str, Any]:
        """Wait for an adaptation to end (or be held) and return it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.get(f"/v1/adaptations/{adaptation}")
            if found["status"] in FINAL:
                return found
            time.sleep(0.2)
        raise TimeoutError(f"{adaptation} is still {found['status']}: {self.log_file.read_text()[-3000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
