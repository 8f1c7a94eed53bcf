"""The outer loop: how the policy that writes self-edits is retrained, what it is paid for, and how it is judged."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from apscheduler.triggers.cron import CronTrigger
from pydantic import Field, field_validator

from seald.config.section import Section

Subject = Literal["passage", "task"]
"""What self-edits are written about: a passage of a document, or how a task is to be learned from its examples."""


class Rewards(Section):
    """Weights of what a self-edit is paid for, once an adapter was trained on it. 0 leaves a part out."""

    accuracy: float = 1.0
    """Of the rise in right answers to the rewarded questions, closed book, as a share."""
    logprob: float = 1.0
    """Of the median rise of the right answers' log-probability, nats per token."""
    heldout: float = 0.0
    """Of the fall of the loss on the passage's own text, nats per token; held out only without `passage`."""
    proxy: float = 0.0
    """Of the rubric that needs no training, 0 to 1."""
    length: float = 0.0
    """Of the self-edit's length, in 100 trained tokens. Pays for words; for experiments."""
    retention: float = 1.0
    """Taken off: of the fall in the probability of the answers to general questions."""
    size: float = 0.1
    """Taken off: of what it was trained on in all epochs, the passage's text among it, in 10,000 tokens."""
    norm: float = 0.005
    """Taken off: of the Frobenius norm of the weights' change."""


class TaskRewards(Rewards):
    """Weights where the self-edit is a configuration. Its pay is whether the tests come out right, as SEAL's is."""

    logprob: float = 0.0
    retention: float = 0.0
    size: float = 0.0
    norm: float = 0.0


class Tournament(Section):
    """Learned policy, incumbent and every seed form, on contexts that nothing was trained on. Of tasks: learned policy,
    incumbent and the recipe's own configuration, one configuration each; `tokens` and `diversity` say nothing then."""

    contexts: int = Field(8, ge=2)
    """Held out for it, of those that a run is given."""
    tokens: int = Field(256, ge=50)
    """Trained tokens of an epoch, about, that each contestant gets for each context."""
    samples: int = Field(2, ge=1, le=16)
    """Self-edits that each contestant writes for each context, to fill them."""
    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Chance that a policy which is no better than one of the others is taken for better than all of them."""
    diversity: float = Field(0.8, ge=0, le=1)
    """Least diversity of the learned policy's self-edits, as a share of the incumbent's."""


class Retrain(Section):
    """One run: rounds of sampling, scoring and learning (ReST-EM), then a tournament."""

    schedule: str | None = None
    """Five fields of cron, UTC, weekdays by name (`0 3 * * sun`); None: only when asked for."""
    file: Path | None = None
    """Contexts for scheduled runs, all passages or all tasks, as `POST /v1/policies/retrain` takes them; None: stored
    documents."""
    rounds: int = Field(2, ge=1, le=20)
    contexts: int = Field(12, ge=2, le=1000)
    """Trained on, besides those held out for the tournament."""
    samples: int = Field(4, ge=2, le=64)
    """Self-edits of each context and round."""
    survivors: float = Field(0.75, gt=0, le=1)
    """Share of a context's samples, the best by proxy, that an adapter is trained on."""
    seeds: int = Field(2, ge=1, le=10)
    """Trainings of one self-edit at most; what they differ by is the noise."""
    reliability: float = Field(0.6, ge=0, le=1)
    """Agreement of the mean reward over seeds, as one would find it again, with which no more seeds are spent."""
    minutes: float | None = Field(None, gt=0)
    """After so long no further seed and no further round is begun."""
    together: int = Field(8, ge=1, le=64)
    """Adapters trained side by side in one process."""
    recipe: str = "reward"
    """By which one self-edit is trained when it is scored."""
    policy_recipe: str = "policy"
    """By which the policy learns; `policy-seal-v1` is SEAL's."""
    passage: bool = True
    """Whether the passage itself is trained on beside the self-edit, as SEAL does: paid is then what the self-edit adds
    to it, and what a tournament compares."""
    explore: float = Field(0.5, ge=0, le=1)
    """Share of samples with directives, of tasks with all, drawn at random, so that it is seen which are good."""
    winners: int = Field(1, ge=1)
    """Self-edits of a context that the policy learns from at most."""
    noise: float = Field(1.645, ge=0)
    """Standard errors by which a self-edit must beat its context's mean, and its passage alone where that is trained
    beside it, to be learned from."""
    agreement: float = Field(0.6, ge=0, le=1)
    """Share of a teacher's answers that must agree for its question to count."""
    start: Literal["incumbent", "archive"] = "incumbent"
    """Where a run starts: from the policy that writes now, or from any earlier one, drawn by score and by how seldom it
    was drawn before."""
    general: int = Field(16, ge=0)
    """General questions by which a candidate's retention is measured."""
    rewards: Rewards = Rewards()
    task_rewards: TaskRewards = TaskRewards()
    """In place of `rewards` where tasks are learned from."""
    tournament: Tournament = Tournament()

    def of(self, subject: Subject) -> Retrain:
        """As a run over this subject reads it. A policy that says the same good configuration every time has not
        collapsed: of tasks no diversity is asked for."""
        if subject == "passage":
            return self
        tournament = self.tournament.model_copy(update={"diversity": 0.0})
        return self.model_copy(update={"rewards": self.task_rewards, "tournament": tournament})

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, given: str | None) -> str | None:
        if given is not None:
            CronTrigger.from_crontab(given)
            # APScheduler counts weekdays from Monday, cron from Sunday.
            if any(letter.isdigit() for letter in given.split()[-1]):
                raise ValueError("weekdays go by name: mon, tue, … or *")
        return given
