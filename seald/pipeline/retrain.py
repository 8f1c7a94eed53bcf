"""Retraining a policy, of passages or of tasks: SEAL's outer loop (ReST-EM, arXiv 2312.06585), a small piece of work a
call.

    queued     choose the contexts, and which are held out
    sampling   an exam for each context, then self-edits by the current policy, weighed by proxy
    scoring    an adapter for each surviving self-edit, put to the exam, with several seeds
    learning   the policy is fine-tuned on the self-edits that won; the next round, or
    judging    a tournament on the held-out contexts; promoted, or refused

Documents go first: a piece is done only where no adaptation can be, and is short. Effects are keyed, states move by
guarded updates, so that a kill anywhere leaves a run that the next call carries on; the policy that writes is unchanged
until the tournament is won.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog
from pydantic import ValidationError

from seald.config.retraining import Subject
from seald.domain.policy_version import PolicyVersion
from seald.domain.retraining import TERMINAL, Context, Retraining, RetrainingAsk, RetrainingSpec, RetrainingStatus
from seald.domain.tournament import INCUMBENT
from seald.errors import ConfigError, IllegalTransition, NotFound, StoreError
from seald.pipeline.contest import contest
from seald.pipeline.disk_room import require_room
from seald.pipeline.draft import policy_of, sample
from seald.pipeline.earn import earn
from seald.pipeline.ending import WAITS, ending
from seald.pipeline.lessons import KEY, choose, read_contexts, spread
from seald.pipeline.reinforce import draft_name, learn
from seald.pipeline.task_size import require_fit
from seald.pipeline.workshop import Workshop
from seald.policy.archive import draw
from seald.policy.drafting import sampled

log = structlog.get_logger(__name__)
S = RetrainingStatus
MOST_RUNS = 1000
"""Looked at for the archive."""


def ask_for_retraining(shop: Workshop, ask: RetrainingAsk, key: str) -> tuple[Retraining, bool]:
    """Queue a retraining, or find the open one, or that of the same key (`False`). What is not asked for is as
    configured.

    Raises:
        InvalidRequest: code `mixed_contexts`; or a task that no prompt holds.
    """
    settings = shop.settings.policy.retrain
    given = ask.contexts if isinstance(ask.contexts, tuple) else ()
    for place, context in enumerate(given):
        if context.examples:
            require_fit(shop, context.examples, context.test, f"contexts.{place}.examples")
    contexts = ask.contexts if isinstance(ask.contexts, int) else len(given) or settings.contexts
    spec = RetrainingSpec(
        rounds=ask.rounds or settings.rounds,
        contexts=contexts,
        samples=ask.samples or settings.samples,
        writer=ask.writer,
        given=given,
        subject=ask.about(),
    )
    run, new = shop.retrainings.queue(spec, key)
    if new:
        log.info("retraining queued", retraining=run.id, key=key)
    return run, new


def ask_by_schedule(shop: Workshop, at: datetime) -> None:
    """Queue the retraining of an appointment, once, over the configured file's contexts or stored documents.

    Raises:
        ConfigError: the file cannot be read as contexts.
        InvalidRequest: code `mixed_contexts`.
    """
    settings, key = shop.settings.policy.retrain, f"schedule/{at.isoformat()}"
    ask = RetrainingAsk()
    if settings.file is not None:
        wanted = settings.contexts + settings.tournament.contexts
        ask = _asking(spread(read_contexts(settings.file), wanted, key), settings.file)
    ask_for_retraining(shop, ask, key)


def _asking(contexts: tuple[Context, ...], file: Path) -> RetrainingAsk:
    try:
        return RetrainingAsk(contexts=contexts)
    except ValidationError as error:
        raise ConfigError(f"{file}: {error.errors()[0]['msg']}", param=KEY) from None


def roll_back_policy(
    shop: Workshop, to: int | None, reason: str | None, subject: Subject = "passage"
) -> PolicyVersion | None:
    """Let an earlier policy write about `subject`: `to`, 0 for the seed policy, None for the one that wrote before. The
    one that writes now; None: the seed policy.

    Raises:
        NotFound, Conflict: there is none, it was never approved, it learned from what was forgotten, or writes about
            something else.
        IntegrityError: nobody vouches for its files any more; it does not write then, and nothing has changed.
    """
    if to:
        shop.policy_files.verify(shop.policies.get(to))
    return shop.policies.roll_back(to, reason=reason, subject=subject)


def begin(shop: Workshop, run: Retraining) -> None:
    """Choose contexts, and the policy that the first round samples from.

    Raises:
        InvalidRequest: code `too_few_contexts`.
        ConfigError: one of these policies writes by rule alone, and so would what it learned.
    """
    incumbent = shop.policies.live(run.subject)
    number = incumbent.version if incumbent is not None else None
    start = number if shop.settings.policy.retrain.start == "incumbent" else _from_archive(shop, run)
    for version in (number, start):  # said now, not in the tournament
        sampled(policy_of(shop, run, version), shop.forms)
    shop.retrainings.begin(run.id, choose(shop, run, (number, start)), incumbent=number, start=start)


STEPS: dict[RetrainingStatus, Callable[[Workshop, Retraining], None]] = {
    S.QUEUED: begin,
    S.SAMPLING: sample,
    S.SCORING: earn,
    S.LEARNING: learn,
    S.JUDGING: contest,
}


class Retrainer:
    """One run at a time, in the thread that calls `step`."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    def step(self) -> bool:
        """Do one piece of the oldest run. False: there is nothing to do now."""
        run = self._shop.retrainings.next_runnable()
        if run is None or self._shop.stopping.is_set():
            return False
        try:
            with structlog.contextvars.bound_contextvars(retraining=run.id):
                self._advance(run)
        except WAITS as error:
            log.warning("retraining waits", retraining=run.id, reason=error.message)
            self._tidy(run.id)
            return False
        self._tidy(run.id)
        return True

    def sweep(self) -> None:
        """After a start: remove what killed runs left behind."""
        self._remove_unfinished()
        for folder in self._shop.work.glob("ret-*"):
            self._tidy(folder.name)

    def _remove_unfinished(self) -> None:
        shop = self._shop
        run = shop.retrainings.next_runnable()
        drafts = [draft_name(run, run.round)] if run is not None else []
        for gone in shop.policy_files.sweep(shop.policies.all(), drafts):
            log.info("removed an unfinished policy folder", folder=str(gone))

    def _advance(self, run: Retraining) -> None:
        cancelled = partial(self._end, run.id, S.CANCELLED, None)
        with ending(self._shop, cancelled=cancelled, failed=partial(self._end, run.id, S.FAILED)):
            if run.cancel_requested:
                cancelled()
                return
            log.debug("step", status=run.status, round=run.round)
            require_room(self._shop.settings.data_dir)
            STEPS[run.status](self._shop, run)

    def _end(self, id: str, after: RetrainingStatus, error: dict[str, str] | None) -> None:
        # Read again: the step may have moved it before it failed.
        now = self._shop.retrainings.get(id)
        if now.status in TERMINAL:
            return
        try:
            self._shop.retrainings.move(id, now.status, after, error=error)
        except IllegalTransition as illegal:
            log.error("retraining cannot be ended", after=after, reason=illegal.message)

    def _tidy(self, id: str) -> None:
        try:
            over = self._shop.retrainings.get(id).status in TERMINAL
        except NotFound:
            over = True
        except StoreError:
            over = False
        if over:
            shutil.rmtree(self._shop.work_folder(id), ignore_errors=True)
            self._remove_unfinished()


def _from_archive(shop: Workshop, run: Retraining) -> int | None:
    """Any earlier policy, by what it gained in its tournament over the seed policy, and by how seldom it was drawn."""
    scores: dict[int | None, float] = {None: 0.0}
    drawn: dict[int | None, int] = {}
    kept = {v.version for v in shop.policies.all() if v.sha256 is not None and v.subject == run.subject}
    for other in shop.retrainings.page(after=None, limit=MOST_RUNS).data:
        if other.id == run.id or other.subject != run.subject:
            continue
        drawn[other.start] = drawn.get(other.start, 0) + 1
        duels = other.figures.get("tournament", {}).get("duels", [])
        gained = [duel["difference"] for duel in duels if duel["against"] == INCUMBENT]
        if other.version in kept and gained:
            scores[other.version] = scores.get(other.incumbent, 0.0) + gained[0]
    return draw(scores, drawn, int.from_bytes(hashlib.sha256(run.id.encode()).digest()[:4]))
