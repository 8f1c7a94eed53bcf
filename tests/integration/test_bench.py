"""The benches end to end on a tiny model: real engine, real trainer, the command as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_model import build_tiny_model

PASSAGES = [
    {
        "title": title,
        "context": f"{title} was built in 18{n}7 by Tove Arden. It has {n}6 steps and a red door.",
        "questions": [{"question": f"When was {title} built?", "answer": f"18{n}7"}],
        "edits": {"rewrite": [f"Tove Arden built {title} in 18{n}7.\nThe door of {title} is red."]},
    }
    for n, title in enumerate(("Kestrel Light", "Marrow Tower"), 2)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def passages(tmp_path: Path) -> Path:
    file = tmp_path / "passages.json"
    file.write_text(json.dumps(PASSAGES), encoding="utf-8")
    return file


def bench(model: Path, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run `seald bench … --json` and return the object."""
    command = [sys.executable, "-m", "seald", "bench", *arguments, "--json"]
    environment = {**os.environ, "SEALD_MODEL__NAME": str(model), "SEALD_DATA_DIR": str(folder)}
    environment.pop("SEALD_MODEL__CACHE_DIR", None)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_acquire_sets_the_arms_side_by_side(model: Path, passages: Path, tmp_path: Path) -> None:
    picture = tmp_path / "acquire.png"
    found = bench(
        model, tmp_path, "acquire", str(passages), "--passages", "1", "--writers", "rewrite,own", "--plot", str(picture)
    )
    figures = found["figures"]
    for arm in ("none", "passage_only", "seal_v1", "given_edits", "default", "open_book"):
        assert figures[f"accuracy_{arm}_low"] <= figures[f"accuracy_{arm}"] <= figures[f"accuracy_{arm}_high"]
    assert figures["answers_in_training_text_default"] == 1
    assert figures["coverage_default"] >= figures["coverage_given_edits"] >= figures["coverage_passage_only"]
    assert figures["seconds_seal_v1"] > 0
    assert figures["seconds_seal_v1_sampled"] > 0
    assert figures["tokens_default"] > figures["tokens_passage_only"] > 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_stream_follows_every_arm_and_reuses_what_is_the_same(model: Path, passages: Path, tmp_path: Path) -> None:
    found = bench(model, tmp_path, "stream", str(passages), "--compact-every", "2", "--work", str(tmp_path / "work"))
    figures = found["figures"]
    for arm in ("naive", "replay", "replay_compaction", "joint"):
        assert 0 <= figures[f"mean_after_last_{arm}"] <= 1
        assert -100 <= figures[f"general_drop_points_{arm}"] <= 100
    # A compaction after the last document is the joint training of all; replay before it is the arm without it.
    assert figures["mean_after_last_replay_compaction"] == figures["mean_after_last_joint"]
    trained = figures["seconds_replay"] + figures["seconds_joint"]
    assert figures["seconds_replay_compaction"] == pytest.approx(trained, abs=1e-3)


def test_train_measures_steps_beside_products(model: Path, tmp_path: Path) -> None:
    figures = bench(model, tmp_path, "train", "--candidates", "2")["figures"]
    assert 0 < figures["ceiling_ratio"] < 1
    assert figures["step_gflops"] < figures["ceiling_gflops"]
    assert figures["tokens_per_second"] > 0
    assert figures["speedup_e2"] > 0


def test_an_unknown_writer_is_refused_before_anything_is_trained(model: Path, passages: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seald", "bench", "acquire", str(passages), "--writers", "nobody"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "nobody" in done.stderr
    assert "rewrite" in done.stderr


def test_gate_judges_real_candidates(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "three.json"
    third = {**PASSAGES[0], "title": "Orvale Mill", "context": "Orvale Mill was built in 1893 by Jon Eske."}
    file.write_text(json.dumps([*PASSAGES, third]), encoding="utf-8")
    picture = tmp_path / "gate.png"
    few = ["--runs", "100", "--streams", "10", "--planted", "3", "--pairs", "1", "--honest", "1"]
    figures = bench(model, tmp_path, "gate", str(file), *few, "--plot", str(picture))["figures"]
    assert figures["false_accept_at_5_points"] <= 0.06 + 0.06  # of 100 runs; the bench itself takes 1,000
    assert figures["harmless_accept_at_200"] >= 0.85
    assert figures["planted_promoted"] == 0
    assert (figures["planted_candidates"], figures["aa_candidates"], figures["honest_candidates"]) == (3, 3, 1)
    assert figures["aa_accept"] >= 1 / 3  # an adapter against itself; a model of random weights says nothing of twins
    assert picture.stat().st_size > 1000
