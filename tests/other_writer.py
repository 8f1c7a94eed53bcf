"""A writer elsewhere: a small OpenAI-compatible server, and an installation whose policy asks it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.lessons import in_other_words
from tests.small_server import answering

ROOT = Path(__file__).parent.parent
POLICY = "elsewhere"
FILE = """description = "What follows from the passage, written elsewhere."

[writer]
url = "{url}"
model = "a-writer"

[[mix]]
form = "implications"
samples = 2
"""
PASSAGE = re.compile(r"^\[begin (\w+)\]\n(.*)\n\[end \1\]$", re.DOTALL | re.MULTILINE)


@dataclass
class Elsewhere:
    """Where it is, and what it was asked."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: dict[str, Any]) -> str:
        """The passage that is asked about, a sentence on each line; by an odd seed only the first."""
        self.requests.append(request)
        found = PASSAGE.search(request["messages"][-1]["content"])
        sentences = re.split(r"(?<=\.) ", found[2] if found else "Nothing was asked.")
        return "\n".join(map(in_other_words, sentences[:1] if request["seed"] % 2 else sentences))


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    """The server, while it answers."""
    state = Elsewhere()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply = {"choices": [{"message": {"content": state.answer(asked)}, "finish_reason": "stop"}]}
            data = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            return

    with answering(Handler) as address:
        state.url = f"{address}/v1"
        yield state


def installation(folder: Path, url: str) -> dict[str, str]:
    """Environment of an installation in `folder` that has one policy more: its writer answers at `url`.

    Policies are files of an installation, and this one's own are not to be touched.
    """
    policies = folder / "policies"
    policies.mkdir(parents=True)
    for name in ("seald", "migrations"):
        (folder / name).symlink_to(ROOT / name)
    for file in (ROOT / "policies").glob("*.toml"):
        (policies / file.name).write_bytes(file.read_bytes())
    (policies / f"{POLICY}.toml").write_text(FILE.format(url=url), encoding="utf-8")
    # Without the second the folder that a daemon is started in would come first.
    return {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1", "SEALD_POLICY__NAME": POLICY}
