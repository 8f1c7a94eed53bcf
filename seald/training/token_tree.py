"""Several examples in one row of tokens, each common prefix computed once.

A chat template's system message and a prompt that many lines share cost their tokens once a step, not once a line.
Each token attends to its ancestors in the tree and to nothing else, at the position it has in its own example, so
losses and gradients are those of the examples run one by one: the row holds no padding and no approximation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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

    def cost(self, example: Example) -> int:
        """How many nodes `example` would add."""
        return len(example.token_ids) - 1 - sum(1 for _ in self._known(example))

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

    def _known(self, example: Example) -> Iterator[int]:
        node = ROOT
        for token in example.token_ids[:-1]:
            child = self._children.get((node, token))
            if child is None:
                return
            yield child
            node = child

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
            rows=torch.tensor([row[node] for node, _ in self.targets]),
            targets=torch.tensor([token for _, token in self.targets]),
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


def plan_steps(epochs: Sequence[Iterable[Example]], batch_tokens: int) -> list[TokenTree]:
    """One tree a step, filled in order up to `batch_tokens` nodes; epochs follow each other without a short step."""
    trees: list[TokenTree] = []
    tree = TokenTree()
    for example in (example for epoch in epochs for example in epoch):
        if len(tree) and len(tree) + tree.cost(example) > batch_tokens:
            trees.append(tree)
            tree = TokenTree()
        tree.add(example)
    return [*trees, tree] if len(tree) else trees
