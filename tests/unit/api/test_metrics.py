"""What a scrape says when parts of the daemon, or of an engine, are not as they should be."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from seald.errors import EngineUnavailable, StoreError

ASKED = {"model": "seald", "prompt": "x"}

ENGINE = """# HELP vllm:num_requests_running Running.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="base"} %d
# HELP vllm:generation_tokens_total Tokens.
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="base"} 12.0
# HELP vllm:lora_requests_info Running stats on lora requests.
# TYPE vllm:lora_requests_info gauge
vllm:lora_requests_info{max_lora="8",running_lora_adapters="seald-0123456789ab",waiting_lora_adapters=""} 1.0
# HELP process_open_fds Of another process.
# TYPE process_open_fds gauge
process_open_fds 99999
# HELP seald_ready Not ours.
# TYPE seald_ready gauge
seald_ready 0
"""


def scraped(client) -> dict[str, float]:
    """Name and labels as written, to value; no family stands there twice."""
    text = client.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    assert not [name for name, n in Counter(family.name for family in families).items() if n > 1]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}


def test_the_engines_own_metrics_come_with_the_number_of_the_replica(world, client) -> None:
    world.engines = {"0": ENGINE % 1, "1": None, "2": ENGINE % 3}
    found = scraped(client)
    of = '{engine="0",model_name="base",replica="%d"}'
    assert [found["vllm:num_requests_running" + of % n] for n in (0, 2)] == [1, 3]
    assert found["vllm:generation_tokens_total" + of % 2] == 12
    assert [found[f'seald_engine_up{{replica="{n}"}}'] for n in range(3)] == [1, 0, 1]
    assert (found["seald_ready"], 0 < found["process_open_fds"] < 99999) == (1, True)
    assert "0123456789ab" not in client.get("/metrics").text


@pytest.mark.parametrize("said", ["<html>502 Bad Gateway</html>", "vllm:x{a=1} 2", "vllm:x one"])
def test_what_is_no_exposition_costs_nothing_of_ours(world, client, said) -> None:
    world.engines = {"0": said, "1": ENGINE % 2}
    found = scraped(client)
    assert found["seald_queue_age_seconds"] == 7
    assert not [name for name in found if name.startswith("vllm") and 'replica="0"' in name]
    assert [name for name in found if name.startswith("vllm") and 'replica="1"' in name]


@pytest.mark.parametrize("error", [StoreError("the database failed"), OSError("no such folder")])
def test_a_part_that_cannot_be_read_takes_no_other_with_it(world, client, error) -> None:
    world.unread = error
    found = scraped(client)
    assert (found['seald_source_up{source="store"}'], found['seald_source_up{source="status"}']) == (0, 1)
    assert found['seald_adaptations{status="queued"}'] == 2
    assert found["seald_database_writable"] == 1
    world.unread, world.no_writes = None, "locked"
    found = scraped(client)
    assert (found['seald_source_up{source="store"}'], found["seald_database_writable"], found["seald_ready"]) == (
        1,
        0,
        0,
    )


def test_collections_beyond_the_bound_are_summed(world, client) -> None:
    world.names = tuple(f"c{n:02d}" for n in range(53))
    found = scraped(client)
    assert found["seald_collections"] == 53
    assert [found[f'seald_documents{{collection="{name}"}}'] for name in ("c00", "c49", "_other")] == [1, 1, 3]
    assert found['seald_watch_paused{collection="_other"}'] == 3
    assert len([name for name in found if name.startswith("seald_live_version")]) == 50
    # One that comes in between takes nobody's place.
    world.names = ("a", *world.names)
    assert scraped(client)['seald_documents{collection="_other"}'] == 4


def test_requests_for_the_engine_are_counted_by_what_became_of_them(world, client) -> None:
    script = world.gateway.script
    script.body = json.dumps({"choices": []}).encode()
    client.post("/v1/completions", json=ASKED)
    client.post("/v1/completions", json={**ASKED, "model": "unknown"})
    script.then = EngineUnavailable("it died")
    client.post("/v1/completions", json=ASKED)
    script.lines = ['data: {"choices": []}']
    client.post("/v1/completions", json={**ASKED, "stream": True})
    script.lines, script.then, script.status = (), None, 400
    client.post("/v1/completions", json=ASKED)
    found = scraped(client)
    counted = {o: found[f'seald_engine_requests_total{{outcome="{o}"}}'] for o in ("answered", "refused")}
    counted |= {o: found[f'seald_engine_requests_total{{outcome="{o}"}}'] for o in ("unavailable", "broken")}
    assert counted == {"answered": 1, "refused": 1, "unavailable": 1, "broken": 1}
