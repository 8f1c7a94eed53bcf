"""A part of editing: what a new document says otherwise than those that are live, and what follows from it.

The newest counts, by the time it came in: lines of the older document that say the old value are trained on no more,
and probes that ask for it are not held against a candidate. That holds wherever a version knows both documents, so it
ends when the newer one is rolled back or forgotten. A document with `{"contradictions": "keep"}` in its metadata only
has its contradictions reported.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from itertools import islice
from typing import Any

from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.document import Document
from seald.domain.self_edit import SelfEdit
from seald.errors import NotFound
from seald.pipeline.workshop import Workshop
from seald.policy import mentions
from seald.policy.contradictions import Statement, contradictions, is_same_value, read, says, statements
from seald.policy.words import STOP_WORDS

FOUND = "contradictions"
"""Key among the adaptation's figures (a list of `{document, other, sentence, other_sentence, value, other_value,
kept}`, `document` being the newer one), and in a document's metadata (`keep`)."""
MOST_DOCUMENTS = 200
"""Live documents that are looked at, newest first."""
MOST_STATEMENTS = 1000
"""Statements of theirs that are compared: some hundred sentences, of the documents that are nearest by title."""
MOST_FOUND = 20
MOST_OF_REBUILD = 200
"""Among all documents of a collection."""
PAGE = 100

Entry = dict[str, Any]


def find_contradictions(shop: Workshop, adaptation: Adaptation) -> None:
    """Compare the adaptation's documents with those of the live version, once; an event each, and all as figures."""
    if FOUND in adaptation.figures:
        return
    found: list[Entry] = []
    for id in adaptation.documents:
        document = shop.documents.get(id)
        others = _live_documents(shop, document, adaptation.documents)
        found += islice(_against(document, others), MOST_FOUND - len(found))
    for entry in found:
        shop.adaptations.note(adaptation.id, "contradiction", entry)
    shop.adaptations.add_figures(adaptation.id, {FOUND: found})


def find_among(shop: Workshop, adaptation: Adaptation, documents: Sequence[str]) -> None:
    """Compare the documents of a rebuild with each other, once, for its figures: what was found when they were learned
    may have been forgotten along with a document that has been."""
    if FOUND in adaptation.figures:
        return
    found = islice(_among([shop.documents.get(id) for id in documents]), MOST_OF_REBUILD)
    shop.adaptations.add_figures(adaptation.id, {FOUND: list(found)})


def settled(
    shop: Workshop, adaptation: Adaptation, documents: Collection[str], edits: Sequence[SelfEdit]
) -> list[SelfEdit]:
    """The self-edits without the lines that a newer one of `documents`, which a version is to know, overrules."""
    against = _overruled_statements(shop, adaptation, documents)
    if not against:
        return list(edits)
    return [_without(edit, against.get(edit.document_id, [])) for edit in edits]


def overruled(shop: Workshop, adaptation: Adaptation) -> set[str]:
    """Ids of probes that ask for what a newer document says otherwise: a candidate is right to have lost them."""
    assert adaptation.version is not None, "training allots the version"
    known = shop.adapters.get(adaptation.collection, adaptation.version).documents
    ids: set[str] = set()
    for id, found in _overruled_statements(shop, adaptation, known).items():
        text = shop.documents.get(id).text
        for probe in shop.probes.of_documents([id]):
            asked = f"{probe.question} {probe.lead} {probe.answer}"
            if any(says(asked, s) or _asks_only_for(probe.answer, s, text) for s in found):
                ids.add(probe.id)
    return ids


def _live_documents(shop: Workshop, document: Document, own: Collection[str]) -> list[Document]:
    """The newest that are live, apart from `own` and the one that `document` supersedes; by title the nearest first."""
    live = shop.adapters.live(document.collection)
    known = live.documents if live is not None else ()
    wanted = [id for id in reversed(known) if id not in own and id != document.supersedes]
    documents = [shop.documents.get(id) for id in wanted[:MOST_DOCUMENTS]]
    title = _content(document.title)
    return sorted(documents, key=lambda other: -len(title & _content(other.title)))


def _against(document: Document, others: Sequence[Document]) -> Iterator[Entry]:
    new = _statements(document)
    named = frozenset(word for statement in new for word in statement.subject | statement.title)
    left = MOST_STATEMENTS
    for other in others:
        passages = [p.text for p in other.passages if named & frozenset(mentions.words(f"{other.title} {p.text}"))]
        old = statements(other.title, passages)[:left]
        left -= len(old)
        for mine, theirs in contradictions(new, old):
            yield _entry(document, mine, other, theirs)


def _statements(document: Document) -> list[Statement]:
    return statements(document.title, [passage.text for passage in document.passages])


def _among(documents: Sequence[Document]) -> Iterator[Entry]:
    stated = [_statements(document) for document in documents]
    places: dict[Hashable, set[int]] = {}
    for place, found in enumerate(stated):
        near = set[int]().union(*(places.get(statement.exact, ()) for statement in found))
        for other in sorted(near):
            if documents[place].supersedes != documents[other].id:
                for mine, theirs in contradictions(found, stated[other]):
                    yield _entry(documents[place], mine, documents[other], theirs)
        for statement in found:
            places.setdefault(statement.exact, set()).add(place)


def _entry(document: Document, mine: Statement, other: Document, theirs: Statement) -> Entry:
    (newer, wins), (older, loses) = (document, mine), (other, theirs)
    if older.created > newer.created:
        (newer, wins), (older, loses) = (older, loses), (newer, wins)
    return {
        "document": newer.id,
        "other": older.id,
        "sentence": wins.sentence,
        "other_sentence": loses.sentence,
        "value": wins.value,
        "other_value": loses.value,
        "kept": newer.metadata.get(FOUND) == "keep",
    }


def _overruled_statements(
    shop: Workshop, adaptation: Adaptation, documents: Collection[str]
) -> dict[str, list[Statement]]:
    """Document id → what a newer one of `documents` says otherwise, by this adaptation and all that were promoted."""
    known, against = {*documents, *adaptation.documents}, dict[str, list[Statement]]()
    for entry in _reported(shop, adaptation):
        # Of an entry that quoted a document that was forgotten, no word is left.
        if entry.get("kept") or not {entry.get("document"), entry.get("other")} <= known:
            continue
        statement = _read(shop, entry)
        if statement is not None and statement not in against.setdefault(entry["other"], []):
            against[entry["other"]].append(statement)
    return against


def _reported(shop: Workshop, adaptation: Adaptation) -> Iterator[Entry]:
    yield from shop.adaptations.get(adaptation.id).figures.get(FOUND, ())
    after, more = None, True
    while more:
        page = shop.adaptations.page(
            collection=adaptation.collection, status=AdaptationStatus.PROMOTED, after=after, limit=PAGE
        )
        for promoted in page.data:
            yield from promoted.figures.get(FOUND, ())
        after, more = (page.data[-1].id, page.has_more) if page.data else (None, False)


def _read(shop: Workshop, entry: Entry) -> Statement | None:
    try:
        title = shop.documents.get(entry["other"]).title
    except NotFound:
        return None
    return read(entry["other_sentence"], entry["other_value"], title)


def _without(edit: SelfEdit, against: Sequence[Statement]) -> SelfEdit:
    kept = tuple(line for line in edit.lines if not any(says(line.whole, statement) for statement in against))
    return edit.model_copy(update={"lines": kept})


def _asks_only_for(answer: str, statement: Statement, text: str) -> bool:
    """Is the answer the old value, and does that stand in the text nowhere else?"""
    value, words = mentions.words(statement.value), mentions.words(text)
    runs = sum(words[n : n + len(value)] == value for n in range(len(words)))
    return is_same_value(answer, statement.value) and runs == 1


def _content(title: str) -> frozenset[str]:
    return frozenset(mentions.words(title)) - STOP_WORDS
