"""Walks adaptations through their states: one call of `step` takes the oldest one a state further.

A step does its effects first, each keyed so that doing it twice does it once, and moves the status last. A kill at
any point therefore leaves an adaptation that the next call simply carries on.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import structlog

from seald.domain.adaptation import TERMINAL, Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.sample import Sample
from seald.errors import IllegalTransition, NotFound, SealdError, StoreError
from seald.pipeline.certify import certify
from seald.pipeline.compact import queue_if_due, take_up_what_was_overtaken
from seald.pipeline.disk_room import require_room
from seald.pipeline.edit import begin, edit
from seald.pipeline.ending import WAITS, ending
from seald.pipeline.guard import guard
from seald.pipeline.promote import catch_up, promote
from seald.pipeline.task_configure import configure
from seald.pipeline.task_guard import guard_task
from seald.pipeline.task_train import train_task
from seald.pipeline.train import train
from seald.pipeline.workshop import Workshop

log = structlog.get_logger(__name__)

Step = Callable[[Workshop, Adaptation], None]

STEPS: dict[AdaptationStatus, Step] = {
    AdaptationStatus.QUEUED: begin,
    AdaptationStatus.EDITING: edit,
    AdaptationStatus.TRAINING: train,
    AdaptationStatus.GUARDING: guard,
    AdaptationStatus.PROMOTING: promote,
}
OF_TASKS: dict[AdaptationStatus, Step] = {
    **STEPS,
    AdaptationStatus.EDITING: configure,
    AdaptationStatus.TRAINING: train_task,
    AdaptationStatus.GUARDING: guard_task,
}


LABOUR = {AdaptationStatus.EDITING, AdaptationStatus.TRAINING, AdaptationStatus.GUARDING}
"""Long, and to be done again where its end cannot be written down."""


class Runner:
    """One at a time, in the thread that calls `step`."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._taken: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[tuple[str, str], float] = {}

    def samples(self) -> Iterator[Sample]:
        """How many steps were taken, of which kind of adaptation, and how long they took. From any thread."""
        for (kind, step), seconds in self._seconds.copy().items():
            of = {"kind": kind, "step": step}
            yield Sample("seald_steps", self._taken[kind, step], of)
            yield Sample("seald_step_seconds", seconds, of)

    def step(self) -> bool:
        """Take the oldest runnable adaptation one state further. False: there is nothing to do now."""
        catch_up(self._shop)
        if self._certify_what_is_over():
            return True
        adaptation = self._shop.adaptations.next_runnable()
        if adaptation is None or self._shop.stopping.is_set():
            return False
        with structlog.contextvars.bound_contextvars(adaptation=adaptation.id):
            return self._take(adaptation)

    def sweep(self) -> None:
        """After a start: remove what killed runs left behind, and queue what they left unqueued."""
        shop = self._shop
        versions = [v for lineage in shop.adapters.lineages() for v in shop.adapters.of_collection(lineage)]
        running = [v.adaptation_id for v in versions if not self._is_over(v.adaptation_id)]
        for gone in shop.files.sweep(versions, running):
            log.info("removed an unfinished adapter folder", folder=str(gone))
        for folder in shop.work.glob("adp-*"):
            self._tidy(folder.name)
        for collection in shop.adapters.collections():
            take_up_what_was_overtaken(shop, collection)
            queue_if_due(shop, collection)

    def _certify_what_is_over(self) -> bool:
        """Whatever became of the rebuild without it, a document that was taken back goes, with its certificate."""
        for adaptation in () if self._shop.stopping.is_set() else self._shop.forgetting.unsettled():
            try:
                certify(self._shop, adaptation)
            except SealdError as error:
                log.warning("certificate waits", adaptation=adaptation.id, reason=error.message)
            except Exception:
                log.exception("a certificate broke", adaptation=adaptation.id)
            else:
                return True
        return False

    def _take(self, adaptation: Adaptation) -> bool:
        of, began = (adaptation.kind, adaptation.status), time.monotonic()
        try:
            self._advance(adaptation)
        except WAITS as error:
            log.warning("adaptation waits", reason=error.message)
            # It may have ended all the same: of a commit that failed nobody knows.
            self._tidy(adaptation.id)
            return False
        finally:
            self._taken[of] += 1
            self._seconds[of] = self._seconds.get(of, 0.0) + time.monotonic() - began
        self._tidy(adaptation.id)
        return True

    def _advance(self, adaptation: Adaptation) -> None:
        cancelled = partial(self._end, adaptation.id, AdaptationStatus.CANCELLED, None)
        with ending(self._shop, cancelled=cancelled, failed=partial(self._end, adaptation.id, AdaptationStatus.FAILED)):
            if adaptation.cancel_requested and adaptation.status is not AdaptationStatus.PROMOTING:
                cancelled()
            else:
                self._do(adaptation)

    def _do(self, adaptation: Adaptation) -> None:
        if adaptation.status in LABOUR:
            require_room(self._shop.settings.data_dir)
        log.info("step", status=adaptation.status)
        steps = OF_TASKS if adaptation.kind is AdaptationKind.TASK else STEPS
        steps[adaptation.status](self._shop, adaptation)

    def _end(self, id: str, after: AdaptationStatus, error: dict[str, str] | None) -> None:
        # Read again: the step may have moved it before it failed, or a person may have.
        now = self._shop.adaptations.get(id)
        if now.status in TERMINAL:
            return
        if now.cancel_requested and now.status is not AdaptationStatus.PROMOTING:
            # Its document may have been taken back in the middle of the step.
            after, error = AdaptationStatus.CANCELLED, None
        try:
            self._shop.adaptations.move(id, now.status, after, error=error)
        except IllegalTransition as illegal:
            log.error("adaptation cannot be ended", after=after, reason=illegal.message)

    def _tidy(self, id: str) -> None:
        """Remove what one that is over leaves: its work, a draft, a folder whose weights were never recorded."""
        if not self._is_over(id):
            return
        for folder in (self._shop.work_folder(id), self._shop.files.draft(id)):
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(SealdError):  # there is no such version, or the next start's sweep sees to it
            adaptation = self._shop.adaptations.get(id)
            of = adaptation.collection, adaptation.version or 0
            if self._shop.adapters.get(*of).sha256 is None:
                self._shop.files.remove(*of)

    def _is_over(self, id: str) -> bool:
        try:
            return self._shop.adaptations.get(id).status in TERMINAL
        except NotFound:
            return True
        except StoreError:
            return False
