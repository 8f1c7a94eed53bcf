"""Answers that follow a grammar: llguidance says which tokens may come next, the rest is a mask over the logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher
from llguidance.hf import from_tokenizer

from seald.errors import InvalidRequest


class Grammar:
    """One that was compiled, for all texts of a request."""

    def __init__(self, matcher: LLMatcher, vocabulary: int) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary

    def begin(self) -> Guide:
        """For a text of which nothing is written yet."""
        return Guide(self._matcher.deep_copy(), self._vocabulary)


class Guide:
    """How far one text has come in its grammar."""

    def __init__(self, matcher: LLMatcher, vocabulary: int) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary

    def masked(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (vocabulary,) with -inf for each token that does not go on as the grammar wants; at its end only end
        tokens are left.

        Raises:
            RuntimeError: the grammar takes more to follow than llguidance's limits allow.
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            raise RuntimeError(self._matcher.get_error())
        allowed = torch.from_numpy(np.unpackbits(bits, count=self._vocabulary, bitorder="little")).bool()
        return logits.masked_fill(~allowed.to(logits.device), -torch.inf)

    def take(self, token: int) -> None:
        """The next token of the text, one that `masked` has left."""
        self._matcher.consume_token(token)


class Grammars:
    """Compiles grammars over a tokenizer's vocabulary."""

    def __init__(self, tokenizer: Any, *, vocabulary: int, end_tokens: frozenset[int]) -> None:
        self._tokens = from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=sorted(end_tokens))
        self._vocabulary = vocabulary

    def compile(self, source: str, *, param: str) -> Grammar:
        """A grammar in llguidance's own words (`structure.py`). Takes up to a second: not for the event loop.

        Raises:
            InvalidRequest: it is none, says what llguidance does not know, or is too large; `param` is who said it.
        """
        matcher = LLMatcher(self._tokens, source, log_level=0)
        if matcher.is_error():
            why = matcher.get_error().strip().partition("\n")[0]
            raise InvalidRequest(f"{param}: {why}", param=param, code="invalid_schema")
        return Grammar(matcher, self._vocabulary)
