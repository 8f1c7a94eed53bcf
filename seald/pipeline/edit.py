"""queued → editing → training: probes are frozen, then the policy writes self-edits for every passage.

How well they cover the passage's facts is an event and goes into the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.document import Document, Passage
from seald.domain.policy import Policy
from seald.domain.self_edit import SelfEdit
from seald.errors import InvalidRequest
from seald.pipeline.compact import gather
from seald.pipeline.contradict import find_contradictions
from seald.pipeline.probe import freeze_probes
from seald.pipeline.taught import taught_elsewhere, why_nothing_is_left
from seald.pipeline.trust import wants_release
from seald.pipeline.workshop import Workshop
from seald.pipeline.writer import when_asked
from seald.policy.coverage_report import Report, join, report
from seald.policy.instructions import subject_of, told
from seald.policy.support import said
from seald.policy.writing import Assignment, write
from seald.ports import Writer


def begin(shop: Workshop, adaptation: Adaptation) -> None:
    """Take the adaptation up, or hold it where its source is in quarantine or it speaks to the model."""
    asked = wants_release(shop, adaptation)
    if asked is not None:
        error = {"message": asked[1], "code": asked[0]}
        shop.adaptations.move(adaptation.id, AdaptationStatus.QUEUED, AdaptationStatus.HELD, error=error)
        return
    shop.adaptations.move(adaptation.id, AdaptationStatus.QUEUED, AdaptationStatus.EDITING)


def edit(shop: Workshop, adaptation: Adaptation) -> None:
    """Write what is not in the ledger yet; what an interrupted run wrote stays as it is. A rebuild writes nothing.

    Raises:
        InvalidRequest: code `nothing_to_learn`, when the filter left no line at all.
    """
    if adaptation.rebuilds:
        gather(shop, adaptation)
        return
    freeze_probes(shop, adaptation)
    find_contradictions(shop, adaptation)
    for id in adaptation.documents:
        _write_document(shop, adaptation, shop.documents.get(id))
    edits = shop.ledger.of_adaptation(adaptation.id)
    figures = _figures(edits)
    if not figures["lines"]:
        raise InvalidRequest(why_nothing_is_left(shop, adaptation.documents, edits), code="nothing_to_learn")
    figures["coverage"] = _coverage(shop, adaptation, edits)
    shop.adaptations.move(
        adaptation.id, AdaptationStatus.EDITING, AdaptationStatus.TRAINING, figures={"self_edits": figures}
    )


def _write_document(shop: Workshop, adaptation: Adaptation, document: Document) -> None:
    edits = shop.ledger.of_adaptation(adaptation.id)
    policy = _policy(shop, document.collection, edits)
    done = [edit for edit in edits if edit.document_id == document.id]
    questions = tuple(probe.question for probe in shop.probes.of_documents([document.id], split=None))
    taught = set(taught_elsewhere(shop, document))
    with when_asked(shop, policy) as writer:
        for passage in document.passages:
            task = Assignment(
                adaptation_id=adaptation.id,
                document=document,
                passage=passage,
                policy=policy,
                forms=shop.forms,
                settings=shop.settings.policy,
                questions=questions,
                taught=frozenset(taught),
            )
            taught.update(_write_passage(shop, writer, task, [e for e in done if e.passage_index == passage.index]))


def _policy(shop: Workshop, collection: str, edits: Sequence[SelfEdit]) -> Policy:
    """One policy writes all of an adaptation: whichever began it, even where another one is live by now; but none that
    learned from a document which was taken back since."""
    if not edits or edits[0].policy in {version.label for version in shop.policies.tainted()}:
        return shop.policy_of(collection)
    return shop.policy_named(edits[0].policy)


def _write_passage(shop: Workshop, writer: Writer, task: Assignment, done: list[SelfEdit]) -> set[str]:
    """Store what is not among `done`; return what all of it teaches."""
    written = [_store(shop, made) for made in write(writer, task, done)]
    if written:
        figures = _report(shop, task.document, task.passage, [*done, *written]).figures()
        named = {"document": task.document.id, "passage": task.passage.index}
        shop.adaptations.note(task.adaptation_id, "coverage", {**named, **figures})
    return {said(line) for made in (*done, *written) for line in made.lines}


def _store(shop: Workshop, made: SelfEdit) -> SelfEdit:
    stored = shop.ledger.add(made)
    shop.adaptations.note(made.adaptation_id, "self_edit", _summary(stored))
    return stored


def _coverage(shop: Workshop, adaptation: Adaptation, edits: Sequence[SelfEdit]) -> dict[str, Any]:
    """Figures over all passages, and under `documents` over those of each."""
    documents: dict[str, Report] = {}
    for id in adaptation.documents:
        document = shop.documents.get(id)
        of_document = [e for e in edits if e.document_id == id]
        documents[id] = join([_report(shop, document, passage, of_document) for passage in document.passages])
    return {**join([*documents.values()]).figures(), "documents": {id: r.figures() for id, r in documents.items()}}


def _report(shop: Workshop, document: Document, passage: Passage, edits: Sequence[SelfEdit]) -> Report:
    lines = [line for edit in edits if edit.passage_index == passage.index for line in edit.lines]
    return report(subject_of(document.title), told(passage.text), lines, shop.settings.policy.phrasings)


def _summary(edit: SelfEdit) -> dict[str, Any]:
    dropped = Counter(line.reason for line in edit.dropped)
    return {
        "document": edit.document_id,
        "passage": edit.passage_index,
        "form": edit.form,
        "lines": len(edit.lines),
        "dropped": dict(dropped),
    }


def _figures(edits: list[SelfEdit]) -> dict[str, Any]:
    return {
        "written": len(edits),
        "lines": sum(len(edit.lines) for edit in edits),
        "dropped": dict(Counter(line.reason for edit in edits for line in edit.dropped)),
    }
