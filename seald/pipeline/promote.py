"""promoting → promoted, and the way back: every move of a live pointer.

The order is the promise: loaded under its own name → canary → pointer committed → new requests routed → the old one
drains. Until the commit the old version serves, after it the new one, and a kill in between finds the committed
pointer at the next start.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext, suppress

from seald.domain.adaptation import Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.errors import CanaryMismatch, Conflict, EngineError, IllegalTransition, IntegrityError
from seald.pipeline.certify import certify
from seald.pipeline.compact import queue_if_due, take_up_what_is_held
from seald.pipeline.workshop import Workshop


def promote(shop: Workshop, adaptation: Adaptation) -> None:
    """Make the adaptation's candidate the live version of its collection, or hold it when that is not safe.

    What it learned may have been one document too many: then a compaction is queued. What takes a document back is
    promoted once the certificate is there.
    """
    if adaptation.kind is not AdaptationKind.FORGET:
        _put_live(shop, adaptation)
    elif adaptation.version is None or _was_put_live(shop, adaptation) or _put_live(shop, adaptation):
        figures = certify(shop, adaptation)
        shop.adaptations.move(
            adaptation.id, AdaptationStatus.PROMOTING, AdaptationStatus.PROMOTED, figures={"forgotten": figures}
        )
    if adaptation.kind is AdaptationKind.LEARN:
        queue_if_due(shop, adaptation.collection)
    elif adaptation.rebuilds and shop.adaptations.get(adaptation.id).status is AdaptationStatus.PROMOTED:
        take_up_what_is_held(shop, adaptation.collection)


def _was_put_live(shop: Workshop, adaptation: Adaptation) -> bool:
    """Whether a run that was interrupted has come so far."""
    return _candidate(shop, adaptation).status is AdapterStatus.APPROVED


def _put_live(shop: Workshop, adaptation: Adaptation) -> bool:
    """False: that is not safe, and the adaptation is held."""
    version = _candidate(shop, adaptation)
    try:
        with shop.serving.staged(version), shop.pointer:
            try:
                shop.adapters.promote(adaptation.id)
            finally:
                follow(shop, adaptation.collection)
    except (CanaryMismatch, Conflict) as reason:
        if isinstance(reason, IllegalTransition):
            raise
        error = {"message": reason.message, "code": reason.code}
        shop.adaptations.move(adaptation.id, AdaptationStatus.PROMOTING, AdaptationStatus.HELD, error=error)
        if reason.code == "parent_not_live" and adaptation.kind is AdaptationKind.LEARN:
            # While it was made, or waited for a person, something else became live: it is learned on top of that.
            shop.adapters.take_up_again(adaptation.id)
            shop.serving.discard(version)
        return False
    return True


def roll_back(
    shop: Workshop, collection: str, to: int | None, reason: str | None, *, watched: int | None = None
) -> AdapterVersion | None:
    """Point `collection` at an earlier version: `to`, 0 for the base, None for the one that was live before.

    `watched`, where nobody asked for it: the version that watching takes back, which must still be live.
    Returns the version that is now live; None is the base.

    Raises:
        NotFound, Conflict: there is no such version, it was never approved, or there is nothing to go back to.
        IntegrityError, CanaryMismatch, EngineUnavailable: it cannot be served; nothing has changed.
    """
    with shop.pointer:
        target = shop.adapters.rollback_target(collection, to)
        with shop.serving.staged(target) if target is not None else nullcontext():
            try:
                return shop.adapters.roll_back(collection, to, reason=reason, watched=watched)
            finally:
                follow(shop, collection)


def follow(shop: Workshop, collection: str) -> None:
    """Have requests answered by what the store says is live: of a move that failed nobody knows whether it was made.

    Raises StoreError where the store does not say it; `catch_up` asks again.
    """
    shop.unrouted.add(collection)
    shop.serving.route(collection, shop.adapters.live(collection))
    shop.unrouted.discard(collection)


def catch_up(shop: Workshop) -> None:
    """Follow the pointers whose move ended while the store could not be asked. Raises StoreError: still not."""
    for collection in sorted(shop.unrouted):
        with shop.pointer, ExitStack() as staged:
            live = shop.adapters.live(collection)
            if live is not None:
                # One that cannot be loaded answers nothing, which is better than what is live no more.
                with suppress(EngineError, IntegrityError):
                    staged.enter_context(shop.serving.staged(live))
            follow(shop, collection)


def _candidate(shop: Workshop, adaptation: Adaptation) -> AdapterVersion:
    if adaptation.version is None:
        raise IllegalTransition(f"{adaptation.id} has no version to promote")
    return shop.adapters.get(adaptation.collection, adaptation.version)
