"""Keys and values of prompts read before, so that a prompt beginning like one of them need not be read from its start.

Most prompts begin with the chat template's system message. What is shared is found by comparing tokens, and only under
the same adapter: its weights are in the keys and values.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from seald.serving.local.cache import CachedRow, RowCache, right_aligned
from seald.serving.local.scoring import TokenScore
from seald.serving.local.sequence import Prompt

SHORTEST = 16
"""Tokens in common that are worth the copying."""
WORTH_KEEPING = 64
"""New tokens that make a prompt with a known beginning worth keeping as well: a conversation that grows."""
LIMIT = 2048
"""Tokens remembered in all."""


@dataclass(frozen=True)
class Known:
    """A prompt that was read, in a cache of its own. `top`: what its scores hold, None without scores."""

    tokens: tuple[int, ...]
    cache: RowCache
    scores: tuple[TokenScore, ...]
    top: int | None

    def shared(self, prompt: Prompt) -> int:
        """How many of the prompt's tokens need not be read again; at least one always is, for its logits."""
        wanted = prompt.call.options.prompt_logprobs
        if wanted is not None and (self.top is None or self.top < wanted):
            return 0
        same = 0
        for mine, other in zip(self.tokens, prompt.tokens, strict=False):
            if mine != other:
                break
            same += 1
        # The score of a token that follows what is shared must come from the shared part's own last logits, which
        # are not kept: one token less is shared, so that they are computed.
        return min(same if wanted is None else same - 1, len(prompt.tokens) - 1)


class Prefixes:
    """The prompts remembered, least recently used first."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, tuple[int, ...]], Known] = OrderedDict()

    def start(self, prompts: Sequence[Prompt]) -> RowCache | None:
        """A cache with what all these prompts know already, a row each; notes in them that it is read."""
        best = [self._best(prompt) for prompt in prompts]
        shared = min(shared for _, shared in best)
        if shared < SHORTEST:
            return None
        rows = []
        for prompt, (known, _) in zip(prompts, best, strict=True):
            assert known is not None, "something is shared with it"
            top = prompt.call.options.prompt_logprobs
            if top is not None:
                prompt.scores = [replace(score, top=score.top[:top]) for score in known.scores[:shared]]
            prompt.read = shared
            rows.append(CachedRow(known.cache, 0, start=0, length=shared))
        return right_aligned(rows)

    def unread(self, prompt: Prompt) -> int:
        """How many of its tokens would have to be read now."""
        shared = 0 if prompt.read else self._best(prompt)[1]
        return prompt.remaining - (shared if shared >= SHORTEST else 0)

    def better_first_alone(self, prompts: Sequence[Prompt]) -> bool:
        """Whether reading the first of these, not known yet, would spare the others a beginning."""
        first, *others = prompts
        if not others or min(self._best(prompt)[1] for prompt in prompts) >= SHORTEST:
            return False
        made = Known(tuple(first.tokens), RowCache(0), (), first.call.options.prompt_logprobs)
        return all(p.call.adapter is first.call.adapter and made.shared(p) >= SHORTEST for p in others)

    def remember(self, prompt: Prompt, row: CachedRow) -> None:
        """Keep a prompt that was read, unless what is kept already covers most of it."""
        _, shared = self._best(prompt)
        new = len(prompt.tokens) - shared
        if len(prompt.tokens) > LIMIT or new < (WORTH_KEEPING if shared >= SHORTEST else SHORTEST):
            return
        key = (prompt.call.adapter.key, tuple(prompt.tokens))
        top = prompt.call.options.prompt_logprobs
        self._known[key] = Known(key[1], right_aligned([row]), tuple(prompt.scores), top)
        while sum(len(known.tokens) for known in self._known.values()) > LIMIT:
            self._known.popitem(last=False)

    def _best(self, prompt: Prompt) -> tuple[Known | None, int]:
        mine = [item for item in self._known.items() if item[0][0] == prompt.call.adapter.key]
        key, known = max(mine, key=lambda item: item[1].shared(prompt), default=(None, None))
        if key is None or known is None:
            return None, 0
        shared = known.shared(prompt)
        if shared >= SHORTEST:
            self._known.move_to_end(key)
        return known, shared
