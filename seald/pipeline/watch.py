"""After a promotion: the live version of each collection is put to probes again, and its ratings are compared.

The first watch of a version is its baseline; the later ones put the same probes. What is found then is not the doing of
training, which the guards judged: an engine that drifts, other weights than those that were loaded, a template that
changed; or that clients rate the version worse than the one before it. A regression rolls back, at most so often,
and then watching pauses: whatever is wrong is not cured by going back.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from seald.domain.adapter import AdapterVersion
from seald.domain.feedback import Ratings
from seald.domain.probe import Probe
from seald.domain.watch import Watch, WatchAction, WatchOutcome
from seald.errors import SealdError
from seald.guards import probing, suite
from seald.guards.standing import Loss, level, loss, p_rated_worse
from seald.pipeline.promote import roll_back
from seald.pipeline.sampling import stratified
from seald.pipeline.standing import is_paused, rollbacks_left
from seald.pipeline.workshop import Workshop
from seald.ports import FeedbackStore, WatchStore

log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0
"""Between two looks at the clock."""
SETTLING = timedelta(minutes=2)
"""From a move of the pointer to the baseline, which leaves the engine to whoever waited for the promotion."""
AT_ONCE = 16
"""Probes between two looks whether the daemon stops."""


class Watching:
    """One collection after another, in the thread that calls `look`: the runner's."""

    def __init__(self, shop: Workshop, watches: WatchStore, feedback: FeedbackStore) -> None:
        self._shop = shop
        self._watches = watches
        self._feedback = feedback
        self._settings = shop.settings.watch

    def look(self) -> None:
        """Watch every live version that is due. What goes wrong with one does not keep the others from it."""
        if not self._settings.every_minutes:
            return
        for version in self._shop.adapters.all_live():
            try:
                if not self._shop.stopping.is_set() and self._is_due(version):
                    self.watch(version)
            except SealdError as error:
                log.warning("watch_failed", adapter=version.label, code=error.code, error=error.message)

    def watch(self, version: AdapterVersion) -> Watch | None:
        """Put a live version to its probes, act on what is found, and write it down; None when the daemon stops.

        Raises EngineUnavailable, EngineRefused, IntegrityError, CanaryMismatch or StoreError: nothing was written down.
        """
        baseline = self._watches.baseline(version.collection, version.version)
        probes = self._probes(version, baseline)
        levels = self._put(probes, version)
        if levels is None:
            return None
        if baseline is None or not baseline.probes.keys() & levels.keys():
            found = self._found(version, "baseline", [f"{len(levels)} probes put for the first time"], {}, levels)
        else:
            found = self._compare(version, baseline, levels)
        return self._watches.add(self._rated(version, found))

    def _is_due(self, version: AdapterVersion) -> bool:
        every = timedelta(minutes=self._settings.every_minutes)
        last = self._watches.last(version.collection, version.version)
        moves = self._watches.moves(version.collection)
        lived = self._since(max([version.created, *(move.at for move in moves)]))
        if last is None:
            return lived >= every or (lived >= SETTLING and self._shop.adaptations.next_runnable() is None)
        return self._since(last.at) >= every

    def _since(self, at: datetime) -> timedelta:
        """What is still to come was noted by a clock that has been set back since: long ago, for all that is known."""
        ago = self._shop.clock.now() - at
        return ago if ago >= timedelta(0) else timedelta.max

    def _probes(self, version: AdapterVersion, baseline: Watch | None) -> list[Probe]:
        own = self._shop.probes.of_documents(version.documents)
        general = self._general(version)
        if baseline is not None and (known := [p for p in (*own, *general) if p.id in baseline.probes]):
            return known
        general = random.Random(version.label).sample(general, min(self._settings.general, len(general)))
        return stratified(own, self._settings.probes, version.label) + general

    def _general(self, version: AdapterVersion) -> list[Probe]:
        return [*suite.load(self._shop.guards_of(version.collection).general.file)]

    def _put(self, probes: Sequence[Probe], version: AdapterVersion) -> dict[str, int] | None:
        levels: dict[str, int] = {}
        with self._shop.serving.staged(version) as model:
            for start in range(0, len(probes), AT_ONCE):
                if self._shop.stopping.is_set():
                    return None
                part = probes[start : start + AT_ONCE]
                levels |= {r.probe_id: level(r) for r in probing.put(self._shop.engine, part, model)}
        return levels

    def _compare(self, version: AdapterVersion, baseline: Watch, levels: dict[str, int]) -> Watch:
        general = {probe.id for probe in self._general(version)}
        losses = {
            "documents": loss(_without(baseline.probes, general), levels, self._settings.margin),
            "general": loss(_only(baseline.probes, general), levels, self._settings.margin),
        }
        worse = [name for name, found in losses.items() if found.p < self._settings.alpha]
        figures = {**{name: found.figures() for name, found in losses.items()}, "alpha": self._settings.alpha}
        said = [_said(name, found) for name, found in losses.items()]
        return self._found(version, "regression" if worse else "kept", said, figures)

    def _rated(self, version: AdapterVersion, found: Watch) -> Watch:
        """The same with what clients say; acted upon."""
        counted = self._feedback.of_collection(version.collection)
        now, before = counted.get(version.version, Ratings()), counted.get(version.replaces, Ratings())
        figures: dict[str, Any] = {"up": now.up, "down": now.down, "up_before": before.up, "down_before": before.down}
        outcome, reason = found.outcome, found.reason
        if min(now.n, before.n) >= self._settings.feedback_least:
            p = p_rated_worse(now, before)
            figures |= {"p": float(f"{p:.4g}"), "alpha": self._settings.feedback_alpha}
            if p < self._settings.feedback_alpha:
                outcome = "regression"
                reason += f"; rated down {now.down} of {now.n} times, its predecessor {before.down} of {before.n}"
        changed = {"outcome": outcome, "reason": reason, "figures": {**found.figures, "feedback": figures}}
        return self._act(found.model_copy(update=changed))

    def _act(self, found: Watch) -> Watch:
        if found.outcome != "regression":
            return found
        moves = self._watches.moves(found.collection)
        if is_paused(self._watches.last_pause(found.collection), moves):
            return found
        if rollbacks_left(moves, found.at, self._settings) <= 0:
            log.warning("watch_paused", collection=found.collection, version=found.version, reason=found.reason)
            k, hours = self._settings.max_rollbacks, self._settings.within_hours
            said = (
                f"paused after {k} rollbacks within {hours:g} hours, until somebody rolls back or a version is promoted"
            )
            return _did(found, "paused", f"{found.reason}; {said}")
        return self._take_back(found)

    def _take_back(self, found: Watch) -> Watch:
        why = f"watching: {found.reason}"
        try:
            live = roll_back(self._shop, found.collection, None, why, watched=found.version)
        except SealdError as error:
            log.error("watch_cannot_roll_back", collection=found.collection, code=error.code, error=error.message)
            return _did(found, "none", f"{found.reason}; not rolled back: {error.message}")
        to = live.label if live is not None else "base"
        log.warning("watch_rolled_back", adapter=f"{found.collection}@{found.version}", to=to, reason=found.reason)
        return _did(found, "rollback", f"{found.reason}; rolled back to {to}")

    def _found(
        self,
        version: AdapterVersion,
        outcome: WatchOutcome,
        said: Sequence[str],
        figures: dict[str, Any],
        probes: dict[str, int] | None = None,
    ) -> Watch:
        return Watch(
            collection=version.collection,
            version=version.version,
            outcome=outcome,
            action="none",
            reason="; ".join(said),
            figures=figures,
            probes=probes or {},
            at=self._shop.clock.now(),
        )


def _did(found: Watch, action: WatchAction, reason: str) -> Watch:
    return found.model_copy(update={"action": action, "reason": reason})


def _only(probes: dict[str, int], ids: set[str]) -> dict[str, int]:
    return {id: found for id, found in probes.items() if id in ids}


def _without(probes: dict[str, int], ids: set[str]) -> dict[str, int]:
    return {id: found for id, found in probes.items() if id not in ids}


def _said(name: str, found: Loss) -> str:
    what = "its documents' probes" if name == "documents" else "general questions"
    return f"of {found.n} {what} {found.lost} lost and {found.won} won since the first watch"
