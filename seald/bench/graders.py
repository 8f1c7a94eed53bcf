"""Who says whether a reply is right: a rule, or a judge model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, Self

import httpx

from seald.errors import EngineError, SealdError
from seald.guards.grading import is_right
from seald.serving.chat_endpoint import ChatEndpoint, without_thoughts

Rule = Callable[[str, str, str], bool]
"""(reply, answer, question) → right."""

SYSTEM = (
    "You grade a student's reply against a gold answer. The gold answer is the truth: use no other knowledge. The "
    "reply is correct if it conveys all of the gold answer and does not contradict it; wording, style and further "
    "details do not matter. Say only yes or no."
)
PROMPT = (
    "Question: {question}\nGold answer: {answer}\nStudent's reply: {reply}\n\n"
    "Judged by the gold answer alone, is the reply correct? Say only yes or no."
)
VERDICT_TOKENS = 1024
"""Enough for a model that thinks before it says yes or no."""


@dataclass(frozen=True)
class Answered:
    """A question with its gold answer, and what was replied."""

    question: str
    answer: str
    reply: str


class JudgeFailed(SealdError):
    """The judge cannot be reached, refuses, or said neither yes nor no."""

    code = "judge_failed"


class Grader(Protocol):
    """Says of replies whether they are right."""

    def grade(self, question: str, answer: str, reply: str) -> bool:
        """Whether `reply` gives `answer`."""
        ...

    def grade_all(self, items: Sequence[Answered]) -> list[bool]:
        """`grade` of each; same length and order as `items`."""
        ...


class RuleGrader:
    """A rule on words; by default that of the guards."""

    def __init__(self, rule: Rule = is_right) -> None:
        self._rule = rule

    def grade(self, question: str, answer: str, reply: str) -> bool:
        """Whether the rule holds."""
        return self._rule(reply, answer, question)

    def grade_all(self, items: Sequence[Answered]) -> list[bool]:
        """Whether the rule holds, of each; same length and order as `items`."""
        return [self.grade(item.question, item.answer, item.reply) for item in items]


class JudgeGrader:
    """A chat model that says yes or no; after the judge of SEAL (arXiv 2506.10943, appendix B.4).

    `url` is the API's root, as in `http://127.0.0.1:8001/v1`. Up to `at_once` requests are in flight, each tried
    again as `ChatEndpoint` says. Closed by `with`.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        *,
        at_once: int = 8,
        timeout_seconds: float = 120.0,
        wait_seconds: float = 0.5,
    ) -> None:
        self._at_once = at_once
        # A proxy of the environment is for judges elsewhere, not for one on this machine.
        local = httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")
        self._endpoint = ChatEndpoint(
            url, model, key, timeout_seconds=timeout_seconds, wait_seconds=wait_seconds, trust_env=not local
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._endpoint.close()

    def grade(self, question: str, answer: str, reply: str) -> bool:
        """Whether the judge says yes.

        Raises:
            JudgeFailed: no answer after five attempts, a refusal, or neither yes nor no.
        """
        prompt = PROMPT.format(question=question, answer=answer, reply=reply)
        return _verdict(self._ask(prompt), question)

    def grade_all(self, items: Sequence[Answered]) -> list[bool]:
        """Whether the judge says yes, of each; same length and order as `items`.

        Raises:
            JudgeFailed: as of `grade`; what had not been asked by then is not asked any more.
        """
        with ThreadPoolExecutor(max_workers=self._at_once) as pool:
            return list(pool.map(lambda item: self.grade(item.question, item.answer, item.reply), items))

    def _ask(self, prompt: str) -> str:
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]
        try:
            return self._endpoint.complete(messages, temperature=0, max_tokens=VERDICT_TOKENS)
        except EngineError as error:
            raise JudgeFailed(f"the judge gives no verdict: {error.message}") from None


def _verdict(said: str, question: str) -> bool:
    found = re.match(r"\W*(yes|no)\b", without_thoughts(said), flags=re.IGNORECASE)
    if found is None:
        raise JudgeFailed(
            f"the judge said neither yes nor no to {question!r}: {said[-200:]!r}", code="unreadable_verdict"
        )
    return found[1].lower() == "yes"
