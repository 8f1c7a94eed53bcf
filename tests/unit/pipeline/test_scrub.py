"""Personal data is gone before anything is hashed or stored; numbers that only look like it stay."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from seald.config import Ingest as Limits
from seald.config import Settings
from seald.daemon import serve
from seald.domain.document import content_hash
from seald.errors import ConfigError
from seald.pipeline.ingest import Ingest
from seald.pipeline.scrub import COUNTED, Sent, scrub
from seald.store import open_stores

PERSONAL = (
    ("Write to Ada.Holm+x@post.example.co.uk or to <bob@firma.museum>.", "Write to [email] or to <[email]>."),
    ("See https://h.de/a?e=ann@b.org for it,jörg@zürich.ch", "See https://h.de/a?e=[email] for it,[email]"),
    ("Pay DE89 3704 0044 0532 0130 00 and go, or gb82west12345698765432.", "Pay [iban] and go, or [iban]."),
    ("Card no.4111 1111 1111 1111, 5500-0055-5555-5559, 340000000000009.", "Card no.[card], [card], [card]."),
    ("From ip:192.168.1.20:80, [2001:db8::1]:80 and fe80::1.", "From ip:[ip]:80, [[ip]]:80 and [ip]."),
    ("Call +49 30 901820 or +1 (650) 253-0000.", "Call [phone] or [phone]."),
)
HARMLESS = (
    "Built in 1921-1931 at 12:30:45 for 4,111,111 crowns, ISBN 978-3-16-148410-0, version 3.11.2.",
    "Card 4111 1111 1111 1112 and account DE89 3704 0044 0532 0130 01 have wrong check digits.",
    "std::vector, a ratio of 3:4:5, 999.1.1.1, the section 1.2.3.4.5, and a @handle.",
)


def cleaned(text: str, region: str | None = None) -> Sent:
    return scrub(Sent(title="t", text=text, source=None, probes=(), metadata={}), region)


@pytest.mark.parametrize(("text", "left"), PERSONAL)
def test_what_is_personal_goes(text: str, left: str) -> None:
    assert cleaned(text).text == left


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_personal_stays(text: str) -> None:
    assert cleaned(text) == Sent(title="t", text=text, source=None, probes=[], metadata={})


def test_a_region_knows_its_own_phone_numbers() -> None:
    assert cleaned("Ring 030 901820 in 1921.", "DE").text == "Ring [phone] in 1921."
    assert cleaned("Ring 030 901820 in 1921.").text == "Ring 030 901820 in 1921."


def test_nothing_personal_reaches_the_store(tmp_path: Path, tiny_model: Path) -> None:
    stores = open_stores(Settings(data_dir=tmp_path))
    ingest = Ingest(
        stores.documents, tiny_model / "tokenizer.json", Limits(), stores.clock, scrubs=lambda name: name == "staff"
    )
    given = {
        "title": "Ask ann@b.org",
        "text": "Ann is at ann@b.org, +49 30 901820 and ann@b.\u200borg. She keeps the mill.",
        "source": "mail from ann@b.org",
        "probes": [("Who is ann@b.org?", "Ann, +49 30 901820")],
        "metadata": {"by": ["ann@b.org", 7], "to bob@c.org": {"x": "10.0.0.1"}},
    }
    document, adaptation, _ = ingest.text(**given, collection="staff")  # type: ignore[arg-type]
    assert document.text == "Ann is at [email], [phone] and [email]. She keeps the mill."
    assert (document.sha256, document.title) == (content_hash(document.text), "Ask [email]")
    assert (document.source, document.metadata["by"]) == ("mail from [email]", ["[email]", 7])
    assert document.metadata["to [email]"] == {"x": "[ip]"}
    assert document.metadata[COUNTED] == {"email": 7, "ip": 1, "phone": 2}
    assert ingest.text(**given, collection="staff")[1].id == adaptation.id  # type: ignore[arg-type]
    plain, _, _ = ingest.text(**given, collection="open")  # type: ignore[arg-type]
    assert (plain.metadata, "ann@b.org" in plain.text) == (given["metadata"], True)
    stores.close()


def test_without_the_libraries_the_daemon_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"seald\[scrub\]"):
        serve(Settings.model_validate({"data_dir": tmp_path, "ingest": {"scrub": True}}))
    assert list(tmp_path.iterdir()) == []
