"""Probes made at ingest by an engine that follows a script: what is taken, in which split, and at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from rapidfuzz import fuzz

from seald.domain.document import Document, Passage
from seald.domain.probe import AnswerScore, Probe, probe_id
from seald.guards.choosing import SAME, Asked, Blank, same_answer
from seald.guards.probes import make
from seald.ports import Continuation, Sampling

TITLE = "The Orvale mill"
VERBS = "built mended washed bought described photographed flooded leased enlarged insured".split()
NAMES = "Brandt Holm Tosk Reth Arden Vask Dray Renn Calder Zelen".split()


class AskingEngine:
    """Writes `Who <verb> the Orvale mill?` for each fact, and answers it with the passage in view only."""

    def __init__(self, known: str = "") -> None:
        self.known = known
        self.calls = self.prompts = 0

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
        self.calls += 1
        self.prompts += len(questions)
        return [self._answer(question) for question in questions]

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        self.calls += 1
        self.prompts += len(items)
        return [AnswerScore(logprobs=(-3.0,), greedy=item.answer.strip() == self.known) for item in items]

    def _answer(self, question: str) -> str:
        if "Write only the question" in question:
            answer = question.split('"')[1]
            return f"Who {VERBS[NAMES.index(answer)]} the Orvale mill?" if answer in NAMES else "It is a mill."
        if "from the text above" not in question:
            return "Nobody knows."
        asked = question.rsplit(".", 1)[-1].split()[1]
        return NAMES[VERBS.index(asked)]


def document(passages: int = 1) -> Document:
    texts = [f"passage {n}" for n in range(passages)]
    return Document(
        id="doc-1",
        collection="default",
        title=TITLE,
        text="\n".join(texts),
        sha256="0" * 64,
        passages=tuple(Passage(index=n, text=text, start=0, end=len(text)) for n, text in enumerate(texts)),
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )


def blanks(count: int = 9, passage: int = 0, shift: int = 0) -> list[Blank]:
    facts = zip(VERBS[shift : shift + count], NAMES[shift : shift + count], strict=True)
    return [Blank(passage=f"passage {passage}", index=passage, lead=f"It was {v} by", answer=n) for v, n in facts]


def from_client(question: str, answer: str) -> Probe:
    return Probe(
        id=probe_id("doc-1", question, answer),
        collection="default",
        document_id="doc-1",
        kind="question",
        question=question,
        answer=answer,
        origin="client",
    )


def facts(probes: Sequence[Probe], split: str) -> set[str]:
    return {probe.answer.strip() for probe in probes if probe.split == split}


def test_a_small_document_gives_clozes_and_questions_of_both_splits() -> None:
    made = make(AskingEngine(), document(), blanks(), supplied=[], most=16)
    assert sum(p.kind == "cloze" for p in made) == 9
    assert sum(p.kind == "question" for p in made) == 4
    assert sum(p.split == "guard" for p in made) >= 6
    assert 3 <= sum(p.split == "reward" for p in made) <= 5
    assert not facts(made, "guard") & facts(made, "reward")
    assert {p.passage for p in made} == {0}
    assert all("orvale mill" in p.question.lower() for p in made)
    assert made == make(AskingEngine(), document(), blanks(), supplied=[], most=16)


def test_few_facts_are_all_for_the_guards() -> None:
    supplied = [from_client(f"What is {n}?", str(n)) for n in range(3)]
    made = make(AskingEngine(), document(), blanks(6), supplied=supplied, most=16)
    assert facts(made, "guard") == set(NAMES[:6])
    assert not facts(made, "reward")


def test_the_budget_holds_and_is_spread_over_the_passages() -> None:
    many = [blank for passage in range(10) for blank in blanks(1, passage, passage)]
    long = [b for n in range(40) for b in many if b.index == n % 10 for b in [Blank(b.passage, n, b.lead, b.answer)]]
    engine = AskingEngine()
    made = make(engine, document(40), long, supplied=[], most=8)
    assert len(made) == 8
    assert engine.calls == 5
    assert engine.prompts <= 9 + 4 * 2
    spread = [blanks(3, 0), blanks(3, 1, 3), blanks(3, 2, 6)]
    of_each = make(AskingEngine(), document(3), [b for own in spread for b in own], supplied=[], most=9)
    clozes = [p.passage for p in of_each if p.kind == "cloze"]
    assert sorted(clozes) == [0, 0, 0, 1, 1, 2, 2] or sorted(clozes) == [0, 0, 0, 1, 1, 1, 2]
    assert make(AskingEngine(), document(), blanks(), supplied=[], most=0) == []


def test_nothing_is_asked_twice() -> None:
    twins = [
        Blank(
            passage="passage 0", index=0, lead="The great wheel of the mill in the valley was built by", answer="Brandt"
        ),
        Blank(
            passage="passage 0", index=0, lead="The great wheel of the mill in the valley was rebuilt by", answer="Holm"
        ),
        Blank(passage="passage 0", index=0, lead="The narrow door in the south belongs to", answer="Ida Brandt"),
    ]
    made = make(AskingEngine(), document(), [*twins, *blanks(6, 0, 3)], supplied=[], most=16)
    clozes = [p for p in made if p.kind == "cloze"]
    assert {"Brandt", "Holm"} & {p.answer.strip() for p in clozes} == {"Brandt"}
    for place, one in enumerate(clozes):
        for other in clozes[:place]:
            assert fuzz.ratio(one.lead.split(), other.lead.split()) < SAME
            assert not same_answer(one.answer, other.answer)


def test_the_title_alone_makes_no_two_questions_alike() -> None:
    asked = Asked("The Kestrel Light Society", [from_client("When was the Kestrel Light Society founded?", "1847")])
    assert asked.takes_question("Where was the Kestrel Light Society founded?")
    assert not asked.takes_question("When was Kestrel Light Society founded?")


def test_what_the_client_asks_is_not_asked_again_and_never_pays() -> None:
    supplied = [from_client("Who mended the Orvale mill?", "Holm"), from_client("Whose mill?", "Ida Vask")]
    made = make(AskingEngine(), document(), blanks(), supplied=supplied, most=16)
    assert not [p for p in made if p.kind == "question" and p.answer in ("Holm", "Vask")]
    assert not {"Holm", "Vask"} & facts(made, "reward")
    assert facts(made, "reward")
    enough = [*supplied, from_client("Where is it?", "Selm")]
    assert {p.kind for p in make(AskingEngine(), document(), blanks(), supplied=enough, most=16)} == {"cloze"}


def test_what_the_base_knows_and_what_has_no_lead_makes_no_cloze() -> None:
    without = [Blank(passage="passage 0", index=0, lead="", answer="Zelen")]
    made = make(AskingEngine(known="Brandt"), document(), [*blanks(), *without], supplied=[], most=16)
    kinds = {(p.kind, p.answer.strip()) for p in made}
    assert ("cloze", "Brandt") not in kinds
    assert ("cloze", "Zelen") not in kinds
    assert ("question", "Zelen") in kinds


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("Tosk", "Maren Tosk", True), ("nine", "9", True), ("1847", "12 May 1847", True), ("1847", "1848", False)],
)
def test_the_same_answer_in_other_words(one: str, other: str, same: bool) -> None:
    assert same_answer(one, other) is same
    assert same_answer(other, one) is same
