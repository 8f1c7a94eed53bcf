"""Dashboard and alert rules against what the wired daemon exposes, with the bundled engine's own metrics behind it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import structlog
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from seald.api.app import create_app
from seald.api.families import FAMILIES
from seald.config import Settings
from seald.daemon import Daemon
from seald.serving.local.metrics import EngineMetrics
from tests.conftest import ROOT
from tests.small_server import answering
from tests.unit.store.conftest import document

RULES = ROOT / "monitoring" / "alerts.yml"
DASHBOARD = ROOT / "monitoring" / "grafana.json"
SCRAPED_WITH = {"instance", "job"}
WORDS = {"and", "or", "unless", "bool", "offset", "group_left", "group_right"}
QUOTED = re.compile(r'"[^"]*"')
GROUPED = re.compile(r"\b(by|without|on|ignoring)\s*\([^)]*\)|\[[^\]]*\]")
SELECTOR = re.compile(r"(?<![\w.$])([a-zA-Z_:][\w:]*)(?!\w)\s*(\{[^}]*\}|\(|)")


class Engine(BaseHTTPRequestHandler):
    """Exposes what the bundled engine does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(EngineMetrics(lambda: (1, 2)).exposition())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Wired, not running; its engine is taken to serve."""
    (model := tmp_path / "model").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (model / name).write_text("{}")
    with answering(Engine) as address, ExitStack() as stack:
        given = {"data_dir": tmp_path / "data", "model": {"name": str(model), "cache_dir": tmp_path / "cache"}}
        made = Daemon(Settings.model_validate({**given, "engine": {"kind": "external", "url": address}}), stack)
        made._fleet.residency.restore(made._fleet._members[0].replica)
        yield made


@pytest.fixture
def exposed(daemon: Daemon) -> dict[str, set[str]]:
    """Name of each sample, also of those that are not there yet, to its labels, where one is."""
    with TestClient(create_app(daemon._services()), base_url="http://127.0.0.1") as client:
        client.get("/v1/status")
        text = client.get("/metrics").text
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    names: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for ending in endings.get(family.type, [""]):
            names[family.name + ending] |= set()
        for sample in family.samples:
            names[sample.name] |= sample.labels.keys()
    return names


def expressions() -> list[str]:
    """Every PromQL expression of both files."""
    found = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    board = json.loads(DASHBOARD.read_text())
    found += [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    found += [marks["expr"] for marks in board["annotations"]["list"]]
    listed = (variable["query"]["query"] for variable in board["templating"]["list"] if variable["type"] == "query")
    return found + [re.sub(r"label_values\((\w+), \w+\)", r"\1", query) for query in listed]


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric with the labels that it is selected by."""
    found = SELECTOR.findall(GROUPED.sub(" ", QUOTED.sub('""', expression)))
    return [(name, set(re.findall(r"(\w+)\s*[=!]", by))) for name, by in found if by != "(" and name not in WORDS]


def test_every_metric_of_dashboard_and_alerts_is_exposed(exposed: dict[str, set[str]]) -> None:
    asked = [selector for expression in expressions() for selector in selectors(expression)]
    assert len(asked) > 60
    for name, labels in asked:
        assert name == "up" or name in exposed, name
        assert labels <= (exposed.get(name) or labels) | SCRAPED_WITH, (name, labels)


def test_a_misnamed_metric_would_be_found() -> None:
    said = 'sum by (le) (rate(seald_x{a="b{", c!="d"}[5m])) / on (instance) vllm:y > 0.5 and seald_z == 1e3'
    assert selectors(said) == [("seald_x", {"a", "c"}), ("vllm:y", set()), ("seald_z", set())]


def test_the_alerts_are_what_prometheus_takes() -> None:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(names) == len(set(names)) > 10
    for rule in group["rules"]:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))
        assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
        assert rule["annotations"].keys() == {"summary", "action"}
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_the_dashboard_is_what_grafana_takes() -> None:
    board = json.loads(DASHBOARD.read_text())
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 20
    corners = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(corners)) == len(corners)
    assert all(0 < p["gridPos"]["w"] and p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in panels)
    assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource", "instance"}


def test_every_family_has_a_sample_once_there_was_something_to_count(
    daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what the pipeline logs says of which adaptation it is."""
    queued = daemon._stores.documents.add(document(), [])[1]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    try:
        assert daemon._runner.step()
    finally:
        structlog.reset_defaults()
    step = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (step["event"], step["status"], step["adaptation"]) == ("step", "queued", queued.id)
    with TestClient(create_app(daemon._services()), base_url="http://127.0.0.1") as client:
        text = client.get("/metrics").text
        assert client.get("/livez").status_code == 503  # nobody has started its scheduler
    sampled = {family.name for family in text_string_to_metric_families(text) if family.samples}
    # Before a guard has judged there is no verdict.
    assert FAMILIES.keys() - sampled == {"seald_verdicts"}
    assert 'seald_steps_total{kind="learn",step="queued"} 1.0' in text
    assert 'seald_build_info{engine="external",model="model",' in text
    assert 'seald_engine_up{replica="0"} 1.0' in text
    assert 'vllm:num_requests_running{replica="0"} 1.0' in text
