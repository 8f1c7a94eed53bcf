from __future__ import annotations

from datetime import UTC, datetime

import pytest

from seald.domain.document import Document
from seald.domain.self_edit import Line
from seald.pipeline.shares import Said, capped, figures
from seald.policy.targeting import tokens


def document(id: str, source: str | None) -> Document:
    return Document(
        id=id, collection="c", title=id, text="", sha256="", source=source, created=datetime(2026, 1, 1, tzinfo=UTC)
    )


def lines_of(id: str, n: int) -> list[Said]:
    return [(id, Line(text=f"{id} says sentence number {k:03}.")) for k in range(n)]


def share(said: list[Said], documents: list[Document], source: str) -> float:
    mine = {d.id for d in documents if d.source == source}
    return tokens(line for id, line in said if id in mine) / tokens(line for _, line in said)


COPIES = [document(f"copy-{n:02}", "mail/eve") for n in range(24)]
OTHERS = [document("mill", None), document("pier", None)]
SAID = [pair for d in (*COPIES, *OTHERS) for pair in lines_of(d.id, 20)]


@pytest.mark.parametrize("most", [0.5, 0.34, 0.1])
def test_copies_from_one_source_are_held_to_its_share(most: float) -> None:
    documents = [*COPIES, *OTHERS]
    kept = capped(SAID, documents, most, "c@7")
    assert share(SAID, documents, "mail/eve") > 0.9
    # Of three sources none can be held below a third.
    assert max(most, 1 / 3) - 0.05 < share(kept, documents, "mail/eve") <= max(most, 1 / 3)
    assert [pair for pair in kept if pair[0] in ("mill", "pier")] == SAID[24 * 20 :]
    assert kept == [pair for pair in SAID if pair in kept], "in their order"
    assert figures(SAID, kept, documents) == [{"source": "source mail/eve", "before": 480, "after": len(kept) - 40}]


def test_the_same_version_draws_the_same_and_another_draws_anew() -> None:
    documents = [*COPIES, *OTHERS]
    assert capped(SAID, documents, 0.5, "c@7") == capped(SAID, documents, 0.5, "c@7")
    assert capped(SAID, documents, 0.5, "c@7") != capped(SAID, documents, 0.5, "c@8")


def test_two_loud_sources_share_what_one_would_have() -> None:
    documents = [document(f"{who}-{n}", who) for who in ("eve", "mallory") for n in range(5)] + OTHERS
    said = [pair for d in documents for pair in lines_of(d.id, 20 if d.source else 5)]
    kept = capped(said, documents, 0.3, "c@1")
    assert share(kept, documents, "eve") <= 0.3
    assert share(kept, documents, "mallory") <= 0.3
    assert sum(id in ("mill", "pier") for id, _ in kept) == 10


def test_what_is_alone_is_whole() -> None:
    long = [document("manual", "manual.pdf"), document("note", "note.txt")]
    said = lines_of("manual", 100) + lines_of("note", 3)
    assert capped(said, long, 0.5, "c@1") == said, "a long document is not a copy"
    assert capped(SAID[:480], COPIES, 0.5, "c@1") == SAID[:480], "there is nobody else"
    assert capped(SAID, [*COPIES, *OTHERS], 1.0, "c@1") == SAID


def test_what_is_said_once_is_never_cut_however_much_of_it_one_source_says() -> None:
    words = [f"word{n}" for n in range(3000)]
    pages = [document(f"page-{n:02}", "wiki") for n in range(50)]
    pages = [d.model_copy(update={"text": " ".join(words[60 * n : 60 * n + 60])}) for n, d in enumerate(pages)]
    said = [pair for d in pages for pair in lines_of(d.id, 20)] + lines_of("note", 3)
    assert capped(said, [*pages, document("note", None)], 0.5, "c@1") == said
    copies = [d.model_copy(update={"text": pages[0].text}) for d in pages]
    kept = capped(said, [*copies, document("note", None)], 0.5, "c@1")
    assert 15 <= sum(id != "note" for id, _ in kept) <= 20, "as much as one of them says"
