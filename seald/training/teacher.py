"""What the base model would say: its probabilities at each token of an example, to be learned in place of the token.

Two uses of one method. General replies: the base reads what the learner reads, and the learner is held to it (KL to
the base). Context distillation (Askell et al. 2021; Snell et al. 2022, arXiv 2209.15189): the base reads the passage
before the question, the learner the question alone. The teacher is the same model with its adapters off, read once
before training, so it costs no second copy of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from seald.training.dataset import Example, Soft
from seald.training.objective import Objective
from seald.training.row import lay_out
from seald.training.token_tree import TokenTree

TOKENS_AT_ONCE = 512


def taught(
    objective: Objective, examples: Sequence[Example], *, top_k: int, share: float, device: torch.device
) -> tuple[Example, ...]:
    """The examples with soft targets: `share` of them the teacher's `top_k`, made to sum to 1, the rest the token."""
    softened: list[Example] = []
    for tree, pairs in _trees(examples):
        row = lay_out([tree], [1.0], device)
        place = {node: index for index, node in enumerate(row.predicting.tolist())}
        best, tokens = objective.log_probabilities(row).topk(top_k, dim=-1)
        said = torch.softmax(best, dim=-1).tolist(), tokens.tolist()
        for example, nodes in pairs:
            at = [place[node] for node in nodes]
            words = example.token_ids[example.loss_from :]
            soft = (_mixed(said[1][p], said[0][p], word, share) for p, word in zip(at, words, strict=True))
            softened.append(replace(example, soft=tuple(soft), open_book=()))
    return tuple(softened)


def _trees(examples: Sequence[Example]) -> Iterator[tuple[TokenTree, list[tuple[Example, list[int]]]]]:
    """Trees of about TOKENS_AT_ONCE nodes, with the nodes at which each example's replies are predicted."""
    tree, pairs = TokenTree(), []
    for example in examples:
        pairs.append((example, tree.add(_as_read(example))))
        if len(tree) >= TOKENS_AT_ONCE:
            yield tree, pairs
            tree, pairs = TokenTree(), []
    if pairs:
        yield tree, pairs


def _as_read(example: Example) -> Example:
    if not example.open_book:
        return example
    reply = example.token_ids[example.loss_from :]
    return Example(example.open_book + reply, len(example.open_book))


def _mixed(tokens: list[int], probabilities: list[float], word: int, share: float) -> Soft:
    mixed = {token: share * p for token, p in zip(tokens, probabilities, strict=True)}
    if share < 1:
        mixed[word] = mixed.get(word, 0.0) + 1 - share
    return tuple(mixed.items())
