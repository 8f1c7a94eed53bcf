"""training → guarding: the ledger's lines become a candidate's weights."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

import structlog

from seald.config import Recipe
from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.adapter import AdapterVersion
from seald.domain.policy_version import number_of
from seald.domain.self_edit import Line, SelfEdit
from seald.domain.training import TrainingJob
from seald.errors import IntegrityError
from seald.pipeline.attended import attended
from seald.pipeline.contradict import settled
from seald.pipeline.general_replies import general_replies
from seald.pipeline.open_book import contexts, in_context
from seald.pipeline.publish import CANARY_TEXTS, publish
from seald.pipeline.repair import stage
from seald.pipeline.shares import Said, capped, figures
from seald.pipeline.taught import with_orphans
from seald.pipeline.workshop import Workshop

log = structlog.get_logger(__name__)


def train(shop: Workshop, adaptation: Adaptation) -> None:
    """Allot a version, train it in the trainer's process, put its files in place."""
    version = shop.adapters.allot(adaptation)
    if version.sha256 is None:
        job = _job(shop, adaptation, version)
        result = attended(shop, shop.adaptations, adaptation.id, lambda tell, stop: shop.trainer.train(job, tell, stop))
        edits = _edits(shop, adaptation, version)
        positions = [edit.position for edit in edits if edit.position is not None]
        policy = ", ".join(dict.fromkeys(edit.policy for edit in edits))
        publish(shop, version, job, result, policy=policy, positions=positions)
    shop.adaptations.move(adaptation.id, AdaptationStatus.TRAINING, AdaptationStatus.GUARDING)


def _job(shop: Workshop, adaptation: Adaptation, version: AdapterVersion) -> TrainingJob:
    edits = settled(shop, adaptation, version.documents, _edits(shop, adaptation, version))
    earlier = [id for id in version.documents if id not in adaptation.documents]
    replay = with_orphans(shop.ledger.promoted(version.collection, earlier))
    replay = settled(shop, adaptation, version.documents, replay)
    titles = [shop.documents.get(id).title for id in adaptation.documents]
    recipe = _recipe(shop, edits)
    return TrainingJob(
        id=adaptation.id,
        model=str(shop.base.folder),
        parent=_parent(shop, version),
        recipe=recipe.for_repair(replays=bool(replay)) if version.repairs else recipe,
        seed=shop.settings.training.seed,
        fresh=_fresh(shop, adaptation, version, edits),
        replay=_within_share(shop, version, "replay", _said(replay)),
        general=general_replies(shop.engine, shop.base, shop.cache),
        canary_prompts=(*CANARY_TEXTS, *titles[:2]),
        output=str(shop.files.draft(adaptation.id)),
        checkpoint=str(shop.work_folder(adaptation.id)),
    )


def _parent(shop: Workshop, version: AdapterVersion) -> str | None:
    """The folder of the weights to start from. Raises IntegrityError: nobody vouches for them any more."""
    if version.repairs:
        first = stage(shop, version.adaptation_id, version.repairs)
        if not first.is_dir():  # no backup holds it
            raise IntegrityError(f"{version.label}: what its repair starts from is gone; send its document again")
        return str(first)
    if version.parent is None:
        return None
    shop.files.verify(shop.adapters.get(version.collection, version.parent))
    return str(shop.files.folder(version.collection, version.parent))


def _edits(shop: Workshop, adaptation: Adaptation, version: AdapterVersion) -> list[SelfEdit]:
    """What is to be learned: the adaptation's own self-edits, or all that the version to be rebuilt was made of."""
    if adaptation.rebuilds:
        return with_orphans(shop.ledger.promoted(version.collection, version.documents))
    return shop.ledger.of_adaptation(adaptation.id)


def _fresh(
    shop: Workshop, adaptation: Adaptation, version: AdapterVersion, edits: Iterable[SelfEdit]
) -> tuple[Line, ...]:
    passages = contexts(shop, adaptation)
    asking = frozenset(form.name for form in shop.forms.values() if form.splitting == "question-answer")
    said = [(edit.document_id, line) for edit in edits for line in in_context(edit, passages, asking)]
    # What a document is to be learned from is never cut for its own sake.
    return _within_share(shop, version, "fresh", said) if adaptation.rebuilds else tuple(line for _, line in said)


def _said(edits: Iterable[SelfEdit]) -> list[Said]:
    return [(edit.document_id, line) for edit in edits for line in edit.lines]


def _within_share(shop: Workshop, version: AdapterVersion, named: str, said: list[Said]) -> tuple[Line, ...]:
    """The lines that no source has too many of; what was cut goes into the adaptation's figures."""
    documents = [shop.documents.get(id) for id in dict.fromkeys(id for id, _ in said)]
    kept = capped(said, documents, shop.settings.training.source_share, version.label)
    cut = figures(said, kept, documents)
    if cut:
        shop.adaptations.add_figures(version.adaptation_id, {f"source_share_{named}": cut})
    return tuple(line for _, line in kept)


def _recipe(shop: Workshop, edits: list[SelfEdit]) -> Recipe:
    """The configured recipe with what the self-edits' directives ask for: the median of those that ask.

    A learned policy has tried numbers of epochs under the recipe of its rewards: they count in proportion to that.
    """
    retrain, recipe = shop.settings.policy.retrain, shop.settings.recipe
    times = recipe.epochs / shop.settings.recipes[retrain.recipe].epochs
    asked: dict[str, object] = {}
    rates = [e.directives.learning_rate for e in edits if e.directives.learning_rate is not None]
    epochs = [
        e.directives.epochs * (times if number_of(e.policy) else 1) for e in edits if e.directives.epochs is not None
    ]
    scopes = [e.directives.loss_scope for e in edits if e.directives.loss_scope is not None]
    if rates:
        asked["learning_rate"] = median(rates)
    if epochs:
        asked["epochs"] = max(1, round(median(epochs)))
    if scopes:
        asked["loss_scope"] = max(sorted(set(scopes)), key=scopes.count)
    return recipe.model_copy(update=asked)
