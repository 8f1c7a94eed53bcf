"""OpenAI's shapes for what was computed: chat and text completions, whole and in chunks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from seald.serving.local.scoring import TokenScore
from seald.serving.local.sequence import Delta

LOWEST = -9999.0
"""JSON has no minus infinity; vLLM's stand-in for it."""


class Shape:
    """What chat and text have in common: identity, and token texts."""

    prefix: str
    kind: str
    chunk_kind: str

    def __init__(self, model: str, tokenizer: Any) -> None:
        self._head = {"id": f"{self.prefix}-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}
        self._tokenizer = tokenizer

    def whole(self, choices: Sequence[Sequence[Delta]], usage: dict[str, int]) -> dict[str, Any]:
        """The answer to a request that does not stream; each choice's deltas in order."""
        made = [self.choice(index, deltas) for index, deltas in enumerate(choices)]
        return {**self._head, "object": self.kind, "choices": made, "usage": usage, "system_fingerprint": None}

    def chunks(self, delta: Delta) -> Iterable[dict[str, Any]]:
        """The chunks of a stream that tell a delta."""
        raise NotImplementedError

    def choice(self, index: int, deltas: Sequence[Delta]) -> dict[str, Any]:
        """A finished choice."""
        raise NotImplementedError

    def opening(self, choices: int) -> Iterable[dict[str, Any]]:
        """Chunks that precede all others."""
        del choices
        return ()

    def chunk(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> dict[str, Any]:
        """One chunk of a stream."""
        body = {**self._head, "object": self.chunk_kind, "choices": choices}
        return body if usage is None else {**body, "usage": usage}

    def _text(self, token: int) -> str:
        text: str = self._tokenizer.decode([token])
        return text


class ChatShape(Shape):
    """`chat.completion` and `chat.completion.chunk`."""

    prefix, kind, chunk_kind = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def choice(self, index: int, deltas: Sequence[Delta]) -> dict[str, Any]:
        """`message` is the whole text."""
        return {
            "index": index,
            "message": {"role": "assistant", "content": "".join(delta.text for delta in deltas)},
            "logprobs": self._logprobs([score for delta in deltas for score in delta.scores]),
            "finish_reason": deltas[-1].finish,
        }

    def opening(self, choices: int) -> Iterable[dict[str, Any]]:
        """The role of each choice."""
        for index in range(choices):
            delta = {"role": "assistant", "content": ""}
            yield self.chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}])

    def chunks(self, delta: Delta) -> Iterable[dict[str, Any]]:
        """One chunk."""
        said = {"content": delta.text} if delta.text or delta.scores else {}
        choice = {"index": delta.choice, "delta": said, "logprobs": self._logprobs(delta.scores)}
        yield self.chunk([{**choice, "finish_reason": delta.finish}])

    def _logprobs(self, scores: Sequence[TokenScore]) -> dict[str, Any] | None:
        if not scores:
            return None
        return {
            "content": [
                {
                    **self._entry(score.token, score.logprob),
                    "top_logprobs": [self._entry(token, value) for token, value in score.top],
                }
                for score in scores
            ]
        }

    def _entry(self, token: int, logprob: float) -> dict[str, Any]:
        text = self._text(token)
        return {"token": text, "logprob": max(logprob, LOWEST), "bytes": list(text.encode())}


class TextShape(Shape):
    """`text_completion`. `echoed` are the prompts' texts and tokens, empty unless the request asked to echo."""

    prefix, kind, chunk_kind = "cmpl", "text_completion", "text_completion"

    def __init__(self, model: str, tokenizer: Any, echoed: Sequence[tuple[str, Sequence[int]]], n: int) -> None:
        super().__init__(model, tokenizer)
        self._echoed = echoed
        self._n = n
        self._offsets: dict[int, int] = {}
        self._begun: set[int] = set()

    def choice(self, index: int, deltas: Sequence[Delta]) -> dict[str, Any]:
        """`text` is the whole text, after the prompt's if that is echoed."""
        parts = [self._part(delta) for delta in deltas]
        logprobs = [logprobs for _, logprobs in parts if logprobs]
        joined = {key: [v for part in logprobs for v in part[key]] for key in logprobs[0]} if logprobs else None
        text = "".join(text for text, _ in parts)
        return {"index": index, "text": text, "logprobs": joined, "finish_reason": deltas[-1].finish}

    def chunks(self, delta: Delta) -> Iterable[dict[str, Any]]:
        """One chunk."""
        text, logprobs = self._part(delta)
        yield self.chunk([{"index": delta.choice, "text": text, "logprobs": logprobs, "finish_reason": delta.finish}])

    def _part(self, delta: Delta) -> tuple[str, dict[str, Any] | None]:
        text = delta.text
        tokens: list[tuple[int, TokenScore | None]] = [(score.token, score) for score in delta.scores]
        if self._echoed and delta.choice not in self._begun:
            self._begun.add(delta.choice)
            prompt_text, prompt = self._echoed[delta.choice // self._n]
            text = prompt_text + text
            if delta.prompt is not None:
                # Nothing comes before the first token, so it has no probability.
                tokens = [(prompt[0], None), *((score.token, score) for score in delta.prompt), *tokens]
        return text, self._logprobs(delta.choice, tokens) if tokens else None

    def _logprobs(self, choice: int, tokens: Sequence[tuple[int, TokenScore | None]]) -> dict[str, Any]:
        texts = [self._text(token) for token, _ in tokens]
        offsets = []
        for text in texts:
            offsets.append(self._offsets.setdefault(choice, 0))
            self._offsets[choice] += len(text)
        return {
            "text_offset": offsets,
            "token_logprobs": [None if s is None else max(s.logprob, LOWEST) for _, s in tokens],
            "tokens": texts,
            "top_logprobs": [None if s is None else self._top(s) for _, s in tokens],
        }

    def _top(self, score: TokenScore) -> dict[str, float]:
        """The token itself and the likeliest ones. Tokens that read the same (parts of a character) share an entry."""
        top: dict[str, float] = {}
        for token, value in ((score.token, score.logprob), *score.top):
            text = self._text(token)
            top[text] = max(value, top.get(text, LOWEST))
        return top
