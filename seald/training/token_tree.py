"""Several examples in one row of tokens, each common prefix computed once.

A chat template's system message and a prompt that many lines share cost their tokens once a step, not once a line.
Each token attends to its ancestors in the tree and to nothing else, at the position it has in its own example, so
losses and gradients are those of the examples run one by one: the row holds no padding and no approximation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from seald.training.dataset import Example

ROOT = -1


@dataclass
class TokenTree:
    """Nodes in order of insertion, so that a parent always comes before its children."""

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    targets: dict[tuple[int, int], int] = field(default_factory=dict)
    """(node, token to be predicted after it) → in how many examples."""
    _children: dict[tuple[int, int], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, example: Example) -> None:
        """Insert all but the last token, which predicts nothing, and note what each one in the loss predicts."""
        node = ROOT
        for position, (token, following) in enumerate(zip(example.token_ids, example.token_ids[1:], strict=False)):
            node = self._child(node, token)
            if position + 1 >= example.loss_from:
                self.targets[node, following] = self.targets.get((node, following), 0) + 1

    def _child(self, node: int, token: int) -> int:
        child = self._children.get((node, token))
        if child is None:
            child = self._children[node, token] = len(self.tokens)
            self.tokens.append(token)
            self.parents.append(node)
        return child

    @property
    def loss_tokens(self) -> int:
        """Predictions in the loss, an example's repetition counted again."""
        return sum(self.targets.values())

    def tensors(self) -> TreeTensors:
        """What the model and the loss need."""
        size = len(self)
        mask = torch.zeros(size, size, dtype=torch.bool)
        positions = torch.zeros(size, dtype=torch.long)
        for node, parent in enumerate(self.parents):
            if parent != ROOT:
                mask[node] = mask[parent]
                positions[node] = positions[parent] + 1
            mask[node, node] = True
        predicting = sorted({node for node, _ in self.targets})
        row = {node: index for index, node in enumerate(predicting)}
        return TreeTensors(
            tokens=torch.tensor(self.tokens)[None],
            positions=positions[None],
            mask=mask[None, None],
            predicting=torch.tensor(predicting),
            rows=torch.tensor([row[node] for node, _ in self.targets], dtype=torch.long),
            targets=torch.tensor([token for _, token in self.targets], dtype=torch.long),
            counts=torch.tensor(list(self.targets.values()), dtype=torch.float32),
        )


@dataclass(frozen=True)
class TreeTensors:
    """N nodes, P of them predicting, T targets (a node has one for each way its examples go on)."""

    tokens: torch.Tensor
    """(1, N)"""
    positions: torch.Tensor
    """(1, N)"""
    mask: torch.Tensor
    """(1, 1, N, N), true where the query (third) may see the key (fourth)"""
    predicting: torch.Tensor
    """(P,) nodes whose logits are needed"""
    rows: torch.Tensor
    """(T,) index into `predicting`"""
    targets: torch.Tensor
    """(T,) token ids"""
    counts: torch.Tensor
    """(T,) how often"""

    def to(self, device: torch.device) -> TreeTensors:
        """The same on `device`."""
        return TreeTensors(**{name: tensor.to(device) for name, tensor in vars(self).items()})


def plan_steps(epochs: Sequence[Sequence[Example]], batch_tokens: int) -> list[TokenTree]:
    """One tree a step, in order. An epoch has as many steps as trees of `batch_tokens` nodes hold it, equally full."""
    return [tree for epoch in epochs for tree in _fill(epoch, _even(_fill(epoch, batch_tokens)))]


def _even(trees: Sequence[TokenTree]) -> int:
    return math.ceil(sum(map(len, trees)) / max(1, len(trees)))


def _fill(examples: Iterable[Example], nodes: int) -> list[TokenTree]:
    """Trees that are closed as soon as they reach `nodes`."""
    trees: list[TokenTree] = []
    for example in examples:
        if not trees or len(trees[-1]) >= nodes:
            trees.append(TokenTree())
        trees[-1].add(example)
    return trees
