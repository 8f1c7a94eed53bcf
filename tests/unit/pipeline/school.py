"""What the outer loop is tested with: mills with facts, a trainer that writes down what it was given, and an engine
whose adapters know the answers that stand in the lines they were trained on."""

from __future__ import annotations

import hashlib
import json
import random
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from seald.domain.adapter import ADAPTER_CONFIG, WEIGHTS
from seald.domain.probe import AnswerScore
from seald.domain.retraining import Context, LabelledQuestion
from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.errors import EngineUnavailable, TrainerFailed, TrainerKilled, TrainerStopped
from seald.ports import BASE, Choice, Clock, Continuation, Preference, Sampling
from tests.lessons import in_other_words

PLACES = "Ardal Borum Cresta Dunmore Eskby Farsund Gimle Hesle Ilsted Jorvik Kalmar Lunde".split()
FACTS = (
    ("was built in {}", "In which year was it built?", 1801),
    ("employs {} people", "How many people does it employ?", 31),
    ("has a wheel of {} metres", "How wide is its wheel?", 51),
    ("grinds {} sacks in a day", "How many sacks are ground?", 412),
    ("lost its dam in the flood of {}", "Which flood took the dam?", 1927),
    ("keeps {} stones in its cellar", "How many stones lie in the cellar?", 71),
    ("was sold to the town for {} crowns", "What did the town pay?", 9100),
    ("shows {} visitors around each summer", "How many visitors come?", 2600),
)
"""What is said of a mill, what is asked, and the answer of the first one; each next one's is greater by one."""
PAIRS = len(FACTS) // 2
"""The first fact of a pair is asked in a question that pays, the second in one that judges."""
KNOWN, UNKNOWN = -0.5, -4.0
"""Log-probability of an answer, nats per token."""
ASKED_TO_WRITE = "[begin "


def mill(n: int, *, asked: bool = True) -> Context:
    """The n-th mill, with its questions or without."""
    questions = [LabelledQuestion(question=question, answer=str(first + n)) for _, question, first in FACTS]
    title = f"The mill of {PLACES[n]}"
    return Context(title=title, context=" ".join(said(n)), questions=tuple(questions) if asked else ())


def said(n: int, facts: Sequence[int] = range(len(FACTS))) -> list[str]:
    """Sentences of the n-th mill's passage."""
    return [f"The mill of {PLACES[n]} {FACTS[fact][0].format(FACTS[fact][2] + n)}." for fact in facts]


def some(level: int, draw: random.Random) -> Sequence[int]:
    """What is told of a passage: by the base one to three pairs of facts, but never the last; by a policy that has
    learned, all of them."""
    pairs = draw.sample(range(PAIRS - 1), draw.randint(1, 3)) if level == 0 else draw.sample(range(PAIRS), PAIRS)
    return [fact for pair in pairs for fact in (2 * pair, 2 * pair + 1)]


class HeldClock:
    """The system's, put forward by `late`."""

    def __init__(self, clock: Clock) -> None:
        self.late = timedelta()
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now() + self.late


class ScriptedTrainer:
    """Leaves the files that a real one leaves; its weights are the lines that it was given."""

    def __init__(self) -> None:
        self.calls: list[list[TrainingJob]] = []
        """What was trained, process by process."""
        self.fails: Callable[[TrainingJob], str | None] = lambda _: None
        """Code of the failure of a job."""
        self.deaths = 0
        """How many processes are killed from now on."""
        self.began: Callable[[], None] = lambda: None

    @property
    def jobs(self) -> list[TrainingJob]:
        return [job for call in self.calls for job in call]

    def train_together(
        self, jobs: Sequence[TrainingJob], on_event: Callable[[TrainingEvent], None], cancelled: threading.Event
    ) -> tuple[TrainingResult, ...]:
        missing = [job for job in jobs if not (Path(job.output) / "result.json").exists()]
        if missing:
            self._run(missing, on_event, cancelled)
        return tuple(
            TrainingResult.model_validate_json((Path(job.output) / "result.json").read_bytes()) for job in jobs
        )

    def _run(
        self, jobs: Sequence[TrainingJob], on_event: Callable[[TrainingEvent], None], cancelled: threading.Event
    ) -> None:
        self.began()
        on_event(TrainingEvent(event="started", steps=1))
        if cancelled.is_set():
            raise TrainerStopped("stopped")
        if self.deaths:
            self.deaths -= 1
            raise TrainerKilled("killed")
        for job in jobs:
            code = self.fails(job)
            if code is not None:
                raise TrainerFailed(f"{job.id} failed", code=code)
        self.calls.append(list(jobs))
        for job in jobs:
            _publish(job)


def _publish(job: TrainingJob) -> None:
    folder, parent = Path(job.output), Path(job.parent) / WEIGHTS if job.parent is not None else None
    writes = any(ASKED_TO_WRITE in (line.prompt or "") for line in job.fresh)
    weights = {
        "lines": [line.text for line in job.fresh],
        "key": hashlib.sha256(f"{job.seed} {job.fresh}".encode()).hexdigest(),
        "level": writes + (json.loads(parent.read_text())["level"] if parent is not None else 0),
    }
    tokens = sum(len(line.whole) for line in job.fresh)
    result = TrainingResult(
        steps=1,
        tokens=tokens,
        loss_tokens=tokens,
        seconds=1.0,
        paused_seconds=0.0,
        first_loss=2.0,
        last_loss=1.0,
        weight_norm=1.0,
        canaries=(),
    )
    folder.mkdir(parents=True)
    (folder / ADAPTER_CONFIG).write_text("{}")
    (folder / WEIGHTS).write_text(json.dumps(weights))
    (folder / "result.json").write_text(result.model_dump_json())


@dataclass
class Weights:
    """Of an adapter, as the scripted trainer wrote them; real ones say nothing here."""

    lines: tuple[str, ...] = ()
    key: str = ""
    level: int = 0
    """How many rounds a policy has learned in."""


@dataclass
class PupilEngine:
    """Adapters answer what their lines say; the base writes less than a policy that has learned."""

    jitter: float = 0.0
    """Greatest change of an answer's log-probability by the seed that an adapter was trained with."""
    tells: Callable[[int, random.Random], Sequence[int]] = some
    """Which facts a self-edit holds, by how many rounds its writer has learned in."""
    writes: Callable[[str, int], str | None] = lambda *_: None
    """Another reply to the n-th question of a call."""
    teaches: str = ""
    """What the teacher asks."""
    reads: Callable[[str, Sampling], str] = lambda *_: "It does not say."
    """What the teacher answers with the book open."""
    harmful: str = "nothing"
    """What general knowledge does not survive in an adapter's lines."""
    down: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Model and question, of everything that was answered."""
    loads: list[str] = field(default_factory=list)
    loaded: dict[str, Weights] = field(default_factory=lambda: {BASE: Weights()})

    def load(self, name: str, folder: Path) -> None:
        self._require_up()
        content = (folder / WEIGHTS).read_bytes()
        assert hashlib.sha256(content).hexdigest()[:12] in name
        self.loads.append(name)
        self.loaded[name] = Weights(**json.loads(content)) if content.startswith(b"{") else Weights()

    def unload(self, name: str) -> None:
        self.loaded.pop(name, None)

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
        self._require_up()
        weights = self.loaded[model]
        self.asked += [(model, question) for question in questions]
        return [self._reply(weights, question, sampling, n) for n, question in enumerate(questions)]

    def _reply(self, weights: Weights, question: str, sampling: Sampling, n: int) -> str:
        if ASKED_TO_WRITE in question:
            return self.writes(question, n) or self._write(
                weights.level, question, random.Random(f"{sampling.seed} {n}")
            )
        if "find out whether somebody remembers" in question:
            return self.teaches
        if "Answer from the text above." in question:
            return self.reads(question.rsplit("text above. ")[-1], sampling)
        known = [line for line in weights.lines if _tells(line, question)]
        return known[0] if known else "I do not know."

    def _write(self, level: int, prompt: str, draw: random.Random) -> str:
        sentences = re.findall(r"The mill of \w+ [^.]+\.", prompt.split("[end ")[0])
        # In other words than the passage's, of which a copy counts for nothing.
        told = [in_other_words(sentences[fact]) for fact in self.tells(level, draw)]
        if "Question:" not in prompt:
            return "\n\n".join(told)
        asked = (" ".join(sentence.split()[4:6]) for sentence in told)
        return "\n".join(
            f"Question: What {what} the mill?\nAnswer: {line}" for what, line in zip(asked, told, strict=True)
        )

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        self._require_up()
        weights = self.loaded[model]
        return [self._score(weights, item) for item in items]

    def _score(self, weights: Weights, item: Continuation) -> AnswerScore:
        known = any(re.search(rf"\b{re.escape(item.answer)}\b", line) for line in weights.lines)
        moved = self.jitter * random.Random(f"{weights.key} {item.answer}").uniform(-1, 1) if weights.key else 0.0
        learned = 0.5 * weights.level * (ASKED_TO_WRITE in item.question)
        return AnswerScore(logprobs=((KNOWN if known else UNKNOWN) + moved + learned,), greedy=known)

    def prefer(self, choices: Sequence[Choice], *, model: str) -> list[Preference]:
        self._require_up()
        hurt = any(self.harmful in line for line in self.loaded[model].lines)
        return [Preference(answer=-2.0 if hurt else -0.1, wrong=-3.0, best=-0.1) for _ in choices]

    def _require_up(self) -> None:
        if self.down:
            raise EngineUnavailable("no engine")


def _tells(line: str, question: str) -> bool:
    about = [said.split("{}") for said, asked, _ in FACTS if asked == question]
    return any(all(part.strip() in line for part in parts) for parts in about)
