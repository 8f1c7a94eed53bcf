"""One scrape of a daemon that serves: its own figures, and those of the real engine behind it."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.daemon_process import DaemonProcess


def test_a_scrape_holds_what_the_engine_exposes(daemon: DaemonProcess) -> None:
    daemon.ask("Say hello.", max_tokens=4)
    families = {f.name: f for f in text_string_to_metric_families(httpx.get(f"{daemon.url}/metrics", timeout=30).text)}
    (up,) = families["seald_engine_up"].samples
    assert (up.labels, up.value) == ({"replica": "0"}, 1)
    written = [s for s in families["vllm:generation_tokens"].samples if s.name.endswith("_total")]
    assert {s.labels["replica"] for s in written} == {"0"}
    assert sum(s.value for s in written) >= 1
    answered = [s.value for s in families["seald_engine_requests"].samples if s.labels.get("outcome") == "answered"]
    assert max(answered) >= 1
