"""The shipped general suite: questions that small models mostly get right, each with a wrong answer to beat.

Scored by log-probability, one prefill a question: generating 250 answers would take minutes on two cores.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from seald.domain.probe import Probe, probe_id

FILE = Path(__file__).with_name("general.jsonl")


@cache
def load() -> tuple[Probe, ...]:
    """All probes of the suite, in the order of the file."""
    return tuple(_probe(json.loads(line)) for line in FILE.read_text(encoding="utf-8").splitlines())


@cache
def fingerprint() -> str:
    """Changes with the suite, so that remembered results of another one are not taken for its own."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()[:12]


def _probe(item: dict[str, str]) -> Probe:
    return Probe(
        id=probe_id("general", item["question"], item["answer"]),
        collection="",
        document_id=None,
        kind="choice",
        question=item["question"],
        lead=item["lead"],
        answer=item["answer"],
        wrong=item["wrong"],
        origin="shipped",
    )
