"""`seald bench gate`, second part: real candidates, trained here, put to the configured guards.

A/A: an adapter against itself, and against one that was trained on the same with another seed. Honest: one more
document, taught as seald teaches. Planted: candidates that must not be promoted, since what they were trained on was
not the document, or was trained so that it burns.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice, product

from seald.bench.ground import Ground, Trained
from seald.bench.passages import BenchPassage
from seald.bench.study import as_seald_does
from seald.domain.document import Document, Passage, content_hash, document_id
from seald.domain.policy import Form
from seald.domain.probe import Probe, ProbeResult
from seald.domain.self_edit import Line
from seald.domain.verdict import Verdict
from seald.guards import acquisition, gate, general, probes, probing, retention, spending, suite
from seald.guards.retention import Results
from seald.pipeline.blanks import blanks_of
from seald.pipeline.ingest import client_probe
from seald.policy.mentions import facts_of
from seald.ports import BASE

PLANTED = ("shuffled", "other", "burnt")
"""Every fact in another one's place; another document's lines; ten times the learning rate."""
BURNT = 10
TAUGHT = 2
"""Documents that the live adapter of every trial knows."""
MADE_PROBES = 16
NOW = "2026-01-01T00:00:00Z"


@dataclass
class Counted:
    """Of one kind of candidate: how many there were, how many were promoted, and which guards objected."""

    n: int = 0
    promoted: int = 0
    objected: dict[str, int] = field(default_factory=dict)

    def take(self, verdicts: Sequence[Verdict], decision: gate.Decision) -> None:
        """Count one candidate."""
        self.n += 1
        self.promoted += decision == "promote"
        for verdict in verdicts:
            if gate.objects(verdict):
                self.objected[verdict.guard] = self.objected.get(verdict.guard, 0) + 1

    @property
    def share(self) -> float:
        """Promoted ones among all."""
        return self.promoted / self.n if self.n else 0.0


class Candidates:
    """Trains adapters on documents of the bench and judges them as the pipeline does, at a first adaptation's level."""

    def __init__(
        self, ground: Ground, documents: Sequence[BenchPassage], forms: dict[str, Form], tell: Callable[[str], None]
    ) -> None:
        self._ground = ground
        self._documents = documents
        self._tell = tell
        self._lines = [as_seald_does(document, (), forms, ground.settings.policy) for document in documents]
        self._probes = [self._probes_of(document) for document in documents]
        self._suite = suite.load(ground.settings.guards.general.file)
        self._known: dict[str, dict[str, ProbeResult]] = {}
        self._level = spending.level(ground.settings.guards.alpha, 1, ())

    def same(self, pairs: int) -> Counted:
        """A/A: each live adapter against itself and against its twin of another seed, both ways round."""
        counted = Counted()
        for first in range(pairs):
            known = self._taught(first)
            one, other = self._live(known, seed=0), self._live(known, seed=1)
            for before, after in ((one, one), (one, other), (other, one)):
                verdicts = [self._retention(known, before, after), self._general(after)]
                self._count(counted, "A/A", verdicts)
        return counted

    def honest(self, candidates: int) -> Counted:
        """One more document each, by the recipe, with replay of those before."""
        counted = Counted()
        for known, new in islice(self._trials(), candidates):
            made = self._train(known, new, self._lines[new], self._ground.settings.recipe.learning_rate, seed=new)
            self._count(counted, "honest", self._verdicts(known, new, made))
        return counted

    def planted(self, candidates: int) -> dict[str, Counted]:
        """Damage of each kind in turn, so many in all."""
        found = {kind: Counted() for kind in PLANTED}
        trials = product(self._trials(), PLANTED)
        for seed, ((known, new), kind) in enumerate(islice(trials, candidates)):
            rate = self._ground.settings.recipe.learning_rate * (BURNT if kind == "burnt" else 1)
            made = self._train(known, new, self._damaged(kind, new, seed), min(rate, 1.0), seed=seed)
            self._count(found[kind], kind, self._verdicts(known, new, made))
        return found

    def _trials(self) -> list[tuple[list[int], int]]:
        """Which documents are known and which one is new: all new ones on one live adapter, then on the next."""
        count = len(self._documents)
        steps = product(range(count), range(count - TAUGHT))
        return [(self._taught(start), (start + TAUGHT + step) % count) for start, step in steps]

    def _taught(self, start: int) -> list[int]:
        return list(islice(cycle(range(len(self._documents))), start, start + TAUGHT))

    def _damaged(self, kind: str, new: int, seed: int) -> list[Line]:
        if kind == "other":
            others = [lines for number, lines in enumerate(self._lines) if number != new]
            return others[seed % len(others)]
        if kind == "burnt":
            return self._lines[new]
        return _shuffled(self._lines[new], self._documents[new], seed)

    def _live(self, known: Sequence[int], *, seed: int) -> Trained:
        lines = [line for number in known for line in self._lines[number]]
        named = ", ".join(self._documents[number].title for number in known)
        return self._ground.train(f"live: {named}", lines, self._ground.settings.recipe, seed=seed)

    def _train(self, known: Sequence[int], new: int, lines: Sequence[Line], rate: float, *, seed: int) -> Trained:
        replay = [line for number in known for line in self._lines[number]]
        recipe = self._ground.settings.recipe.model_copy(update={"learning_rate": rate})
        live, name = self._live(known, seed=0), f"candidate: {self._documents[new].title}"
        return self._ground.train(name, lines, recipe, replay=replay, parent=live, seed=seed)

    def _verdicts(self, known: Sequence[int], new: int, made: Trained) -> list[Verdict]:
        """As the pipeline collects them; none after one that already forbids promotion and cannot be repaired."""
        live, settings = self._live(known, seed=0), self._ground.settings.guards.acquisition
        own = self._probes[new]
        verdicts = [acquisition.judge(self._results(live, own), self._results(made, own), settings)]
        if verdicts[0].verdict == "pass":
            verdicts += [self._retention(known, live, made), self._general(made)]
        return verdicts

    def _retention(self, known: Sequence[int], before: Trained, after: Trained) -> Verdict:
        probes = [probe for number in known for probe in self._probes[number]]
        documents = [probe.document_id for probe in probes]
        results = Results(self._results(before, probes), self._results(after, probes), documents)
        settings = self._ground.settings.guards.retention
        return gate.stepwise(
            len(probes),
            self._level,
            lambda size, share: retention.judge(results.first(size), Results(), settings, share),
        )

    def _general(self, made: Trained) -> Verdict:
        """Against the base, as the pipeline has it: what a live adapter gained there by luck binds no other."""
        asked = list(self._suite)
        random.Random(str(made.folder)).shuffle(asked)
        known, settings = self._results(None, asked), self._ground.settings.guards.general

        def look(size: int, share: float) -> Verdict:
            return general.judge(known[:size], self._results(made, asked[:size]), settings, share)

        return gate.stepwise(len(asked), self._level, look)

    def _results(self, trained: Trained | None, asked: Sequence[Probe]) -> list[ProbeResult]:
        """What an adapter (None: the base) makes of probes; each is asked once."""
        known = self._known.setdefault(str(trained.folder) if trained is not None else BASE, {})
        missing = [probe for probe in asked if probe.id not in known]
        if missing and trained is None:
            known |= {result.probe_id: result for result in probing.put(self._ground.engine, missing, BASE)}
        elif missing and trained is not None:
            with self._ground.loaded(trained) as model:
                known |= {result.probe_id: result for result in probing.put(self._ground.engine, missing, model)}
        return [known[probe.id] for probe in asked]

    def _count(self, counted: Counted, kind: str, verdicts: list[Verdict]) -> None:
        decision = gate.decide(verdicts, "hold")
        counted.take(verdicts, decision)
        reasons = "; ".join(f"{v.guard} {v.verdict}: {v.reason}" for v in verdicts)
        self._tell(f"{kind} {counted.n}: {decision} ({reasons})")

    def _probes_of(self, passage: BenchPassage) -> list[Probe]:
        """The questions of the file, and clozes as they are made at ingest."""
        document = _document(passage)
        own = [client_probe(document, asked.question, asked.answer) for asked in passage.questions]
        made = probes.make(self._ground.engine, document, blanks_of(document), supplied=own, most=MADE_PROBES)
        return [*own, *(probe for probe in made if probe.split == "guard")]


def _shuffled(lines: Sequence[Line], passage: BenchPassage, seed: int) -> list[Line]:
    """The same lines with each fact of the passage where another one stood."""
    facts = list(dict.fromkeys(fact.text for fact in facts_of(passage.title, passage.context)))
    random.Random(seed).shuffle(facts)
    other = dict(zip(facts, [*facts[1:], *facts[:1]], strict=True))
    found = re.compile("|".join(re.escape(fact) for fact in sorted(facts, key=len, reverse=True)) or r"(?!)")
    return [
        line.model_copy(update={"text": found.sub(lambda match: other[match.group()], line.text)}) for line in lines
    ]


def _document(passage: BenchPassage) -> Document:
    sha256 = content_hash(passage.context)
    whole = Passage(index=0, text=passage.context, start=0, end=len(passage.context))
    values = {"title": passage.title, "text": passage.context, "sha256": sha256, "created": NOW}
    return Document.model_validate(
        {"id": document_id("bench", sha256), "collection": "bench", "passages": (whole,), **values}
    )
