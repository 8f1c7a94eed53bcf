"""What other documents of a collection have taught already: a line is trained on once, whoever says it again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from seald.domain.document import Document
from seald.domain.self_edit import SelfEdit
from seald.pipeline.workshop import Workshop
from seald.policy.support import repeats, said


def taught_elsewhere(shop: Workshop, document: Document) -> dict[str, str]:
    """Each line that the live version learned from other documents, as `said`, with the document's id.

    What the document supersedes does not count: its lines are to be replaced, not to stand in the way.
    """
    live = shop.adapters.live(document.collection)
    others = [id for id in live.documents if id not in _replaced(shop, document)] if live is not None else []
    lines: dict[str, str] = {}
    for edit in shop.ledger.promoted(document.collection, others):
        for line in edit.lines:
            lines.setdefault(said(line), edit.document_id)
    return lines


def why_nothing_is_left(shop: Workshop, documents: Sequence[str], edits: Iterable[SelfEdit]) -> str:
    """What a person is told of documents that leave no line to train on."""
    dropped = [(edit.document_id, line) for edit in edits for line in edit.dropped]
    reasons = sorted({line.reason for _, line in dropped})
    message = f"no line of {', '.join(documents)} may be trained on ({', '.join(reasons) or 'nothing was written'})"
    known = {id: taught_elsewhere(shop, shop.documents.get(id)) for id in documents}
    again = [(known[id].get(said(line.line))) for id, line in dropped if line.reason == "duplicate"]
    teachers = sorted({id for id in again if id is not None})
    if not teachers:
        return message
    named = ", ".join(f"{id} ({shop.documents.get(id).title!r})" for id in teachers)
    return f"{message}: the same lines were learned from {named}"


def _replaced(shop: Workshop, document: Document) -> set[str]:
    """The document, the one that it supersedes, and those that were superseded by that."""
    found = {document.id}
    while document.supersedes is not None and document.supersedes not in found:
        document = shop.documents.get(document.supersedes)
        found.add(document.id)
    return found


def with_orphans(edits: Sequence[SelfEdit]) -> list[SelfEdit]:
    """The same entries, and what was left out of them because a document taught it that is not among them any more.

    A line comes back once; what only repeated its own document's words stays out.
    """
    known = {said(line) for edit in edits for line in edit.lines}
    own: dict[str, list[str]] = defaultdict(list)
    for edit in edits:
        own[edit.document_id] += [line.whole.lower() for line in edit.lines]
    whole = []
    for edit in edits:
        left_out = {said(each.line): each.line for each in edit.dropped if each.reason == "duplicate"}
        back = [line for key, line in left_out.items() if key not in known and not repeats(line, own[edit.document_id])]
        known.update(map(said, back))
        whole.append(edit.model_copy(update={"lines": (*edit.lines, *back)}) if back else edit)
    return whole
