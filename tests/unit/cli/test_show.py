"""`seald adaptations show`: first what a person wants to read, then the figures, and all of it as a picture."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image

from seald.cli.adaptation_plot import losses, sparkline
from tests.small_server import answering
from tests.unit.cli.test_cli import ADAPTATION, Handler, run

KEPT = {"n": 40, "lost": 3, "won": 1, "drop": 0.05, "margin": 0.1, "accuracy_before": 0.9, "accuracy_after": 0.85}
SHOWN: dict[str, Any] = {
    **ADAPTATION,
    "status": "held",
    "error": {"code": "inconclusive", "message": "3 lost"},
    "verdicts": [
        {"guard": "integrity", "verdict": "pass", "figures": {"weight_norm": 14.0}, "reason": "weight norm 14.0"},
        {"guard": "retention", "verdict": "inconclusive", "figures": KEPT, "reason": "3 lost"},
    ],
    "figures": {
        **ADAPTATION["figures"],
        "training": {"tokens": 900, "seconds": 9.0, "first_loss": 3.0, "last_loss": 1.0},
    },
    "explanation": {
        "summary": "default@1 is held: nobody knows.",
        "why": ["Retention [bold]: not shown. 3 of 40 lost."],
        "next": ["`seald adaptations approve adp-1` lets it go on."],
    },
}
STEPS = [{"event": "step", "step": n, "steps": 3, "loss": 4.0 - n} for n in (1, 2, 3)]
EVENTS = [
    {"seq": n, "at": 1.0, "type": kind, "data": data}
    for n, (kind, data) in enumerate([("status", {}), *(("training", data) for data in (*STEPS, STEPS[2]))], start=1)
]
BARE = {**SHOWN, "verdicts": [], "figures": {}, "error": None}
del BARE["explanation"]


class Shown(Handler):
    answers: ClassVar[dict[str, Any]] = {
        "GET /v1/adaptations/adp-1": SHOWN,
        "GET /v1/adaptations/adp-1/events": {"object": "list", "data": EVENTS, "has_more": False},
        "GET /v1/adaptations/adp-2": BARE,
        "GET /v1/adaptations/adp-2/events": {"object": "list", "data": [], "has_more": False},
    }


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with answering(Shown) as address:
        yield address


def test_the_explanation_comes_first(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "adaptations", "show", "adp-1", "--url", url) == 0
    out = capsys.readouterr().out
    said = [
        "default@1 is held: nobody knows.",
        "- Retention [bold]: not shown. 3 of 40 lost.",
        "- `seald adaptations approve adp-1` lets it go on.",
        "retention: inconclusive",
        "loss 3.00 → 1.00  █▅▁",
    ]
    places = [out.index(text) for text in said]
    assert places == sorted(places)


@pytest.mark.parametrize("id", ["adp-1", "adp-2"])
def test_the_picture(url: str, id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.png"
    assert run(monkeypatch, "adaptations", "show", id, "--plot", str(file), "--url", url) == 0
    with Image.open(file) as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(maxcolors=2**24) or []}
    assert min(picture.size) >= 800
    # Of the inconclusive guard's bars, which only one of the two has.
    assert any(r > 230 and 120 < g < 170 and b < 90 for r, g, b in colours) == (id == "adp-1")


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    nobody = ("--url", "http://127.0.0.1:9")
    assert run(monkeypatch, "adaptations", "show", "adp-1", "--plot", str(tmp_path / "a.png"), *nobody) == 1
    assert "seald[bench]" in capsys.readouterr().err


def test_losses_by_step_and_as_blocks() -> None:
    assert losses(EVENTS) == [(1, 3.0), (2, 2.0), (3, 1.0)]
    assert (sparkline([]), sparkline([2.0]), sparkline([1.0, 1.0])) == ("", "▁", "▁▁")
    long = sparkline([float(n) for n in range(1000)])
    assert (len(long), long[0], long[-1]) == (40, "▁", "█")
