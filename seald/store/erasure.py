"""Every place where a document's words may stand in the database, and how they go. For use inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, String, cast, select, update

from seald.domain.adaptation import AdaptationKind
from seald.ports import Clock
from seald.store.receipt_tables import receipts
from seald.store.tables import adaptation_documents as links
from seald.store.tables import adaptation_events as events
from seald.store.tables import adaptations, adapter_versions, documents, feedback, probes, self_edits, verdicts, watches

ERASED = "erased: it may have quoted a document that was taken back"


def bury(connection: Connection, clock: Clock, document: str) -> None:
    """Leave of the document its id, its collection and which one it superseded."""
    emptied: dict[str, Any] = {"title": "", "text": "", "source": None, "metadata": {}, "passages": []}
    # Unique as the hash of the text was, and tells nothing of it.
    values = {**emptied, "sha256": f"forgotten-{document}", "forgotten": clock.now()}
    connection.execute(update(documents).where(documents.c.id == document).values(**values))
    empty_receipts(connection, [document])


def empty(connection: Connection, collection: str, document: str, versions: Sequence[int]) -> dict[str, int]:
    """Delete its probes and self-edits; take every word out of what was said of the adaptations and versions that knew
    it, and leave the numbers. Returns table → rows."""
    knew = adapter_versions.c.version.in_(versions) & (adapter_versions.c.collection == collection)
    of_versions = select(adapter_versions.c.adaptation).where(knew)
    ids = sorted({*learning(connection, document), *connection.scalars(of_versions)})
    counted = {
        "documents": 1,
        "probes": connection.execute(probes.delete().where(probes.c.document == document)).rowcount,
        "self_edits": connection.execute(self_edits.delete().where(self_edits.c.document == document)).rowcount,
        "adaptation_events": _empty_events(connection, ids) + _empty_mentions(connection, document),
        "adaptations": _empty_adaptations(connection, ids),
        "verdicts": _empty_verdicts(connection, collection, versions),
        "receipts": empty_receipts(connection, [document, *ids]),
        **_empty_watching(connection, collection, versions),
    }
    weights = {"sha256": None, "manifest_sha256": None}
    counted["adapter_versions"] = connection.execute(update(adapter_versions).where(knew).values(**weights)).rowcount
    return counted


def empty_receipts(connection: Connection, ids: Sequence[str]) -> int:
    """What was answered and names one of these is not said again: it may quote them. How many there were."""
    naming = (update(receipts).where(receipts.c.body.contains(id, autoescape=True)) for id in ids)
    return sum(connection.execute(one.values(body=None)).rowcount for one in naming)


def learning(connection: Connection, document: str) -> list[str]:
    """Adaptations that were to learn the document, whatever became of them."""
    query = (
        select(links.c.adaptation)
        .join(adaptations, adaptations.c.id == links.c.adaptation)
        .where(links.c.document == document, adaptations.c.kind == AdaptationKind.LEARN)
    )
    return [*connection.scalars(query)]


def wordless(value: Any) -> Any:
    """The numbers, in the mappings and lists that they stand in; None for what is neither."""
    if isinstance(value, dict):
        return {key: kept for key, inner in value.items() if (kept := wordless(inner)) is not None}
    if isinstance(value, list):
        return [kept for inner in value if (kept := wordless(inner)) is not None]
    return value if isinstance(value, int | float) else None


def left_of(type: str, data: dict[str, Any]) -> dict[str, Any]:
    """What is left of an event: its numbers, and of a move the states."""
    moved = {key: data[key] for key in ("from", "to")} if type == "status" else {}
    return {**wordless(data), **moved}


def _empty_events(connection: Connection, ids: Sequence[str]) -> int:
    kept = events.c.adaptation.in_(ids)
    gone = connection.execute(events.delete().where(kept, events.c.type != "status")).rowcount
    for row in connection.execute(select(events.c.seq, events.c.data).where(kept)).all():
        moved = {key: value for key, value in row.data.items() if key in ("from", "to")}
        connection.execute(update(events).where(events.c.seq == row.seq).values(data=moved))
        gone += moved != row.data
    return gone


def _empty_mentions(connection: Connection, document: str) -> int:
    """What is said of other documents and names this one (that they contradict each other, say) may quote it."""
    forgets = select(adaptations.c.id).where(adaptations.c.kind == AdaptationKind.FORGET)
    naming = cast(events.c.data, String).contains(document, autoescape=True), events.c.adaptation.not_in(forgets)
    found = connection.execute(select(events.c.seq, events.c.type, events.c.data).where(*naming)).all()
    for row in found:
        connection.execute(update(events).where(events.c.seq == row.seq).values(data=left_of(row.type, row.data)))
    figures = cast(adaptations.c.figures, String).contains(document, autoescape=True)
    for one in connection.execute(select(adaptations.c.id, adaptations.c.figures).where(figures)).all():
        connection.execute(update(adaptations).where(adaptations.c.id == one.id).values(figures=wordless(one.figures)))
    return len(found)


def _empty_adaptations(connection: Connection, ids: Sequence[str]) -> int:
    these = adaptations.c.id.in_(ids)
    for row in connection.execute(select(adaptations).where(these)).all():
        error = {"message": ERASED, "code": row.error["code"]} if row.error else None
        values = {"figures": wordless(row.figures), "error": error}
        connection.execute(update(adaptations).where(adaptations.c.id == row.id).values(**values))
    return len(ids)


def _empty_verdicts(connection: Connection, collection: str, versions: Sequence[int]) -> int:
    these = (verdicts.c.collection == collection) & verdicts.c.version.in_(versions)
    found = connection.execute(select(verdicts).where(these)).all()
    for row in found:
        one = these & (verdicts.c.version == row.version) & (verdicts.c.guard == row.guard)
        values = {"figures": wordless(row.figures), "reason": ERASED}
        connection.execute(update(verdicts).where(one).values(**values))
    return len(found)


def _empty_watching(connection: Connection, collection: str, versions: Sequence[int]) -> dict[str, int]:
    seen = (watches.c.collection == collection) & watches.c.version.in_(versions)
    found = connection.execute(select(watches.c.seq, watches.c.figures).where(seen)).all()
    for row in found:
        connection.execute(update(watches).where(watches.c.seq == row.seq).values(figures=wordless(row.figures)))
    said = (feedback.c.collection == collection) & feedback.c.version.in_(versions) & feedback.c.comment.is_not(None)
    comments = connection.execute(update(feedback).where(said).values(comment=None)).rowcount
    return {"watches": len(found), "feedback": comments}
