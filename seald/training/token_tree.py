"""Several examples in one row of tokens, each common prefix computed once.

A chat template's system message and a prompt that many lines share cost their tokens once a step, not once a line.
Each token attends to its ancestors in the tree and to nothing else, at the position it has in its own example, so
losses and gradients are those of the examples run one by one: the row holds no padding and no approximation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from seald.config import Recipe
from seald.training.dataset import Example

ROOT = -1


@dataclass
class TokenTree:
    """Nodes in order of insertion, so that a parent always comes before its children."""

    examples: list[Example] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    padding: set[int] = field(default_factory=set)
    """Nodes that do not see themselves."""
    targets: dict[tuple[int, int], float] = field(default_factory=dict)
    """(node, token to be predicted after it) → weight: in how many examples, or how probable to a teacher."""
    _children: dict[tuple[int, int], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, example: Example) -> list[int]:
        """Insert all but the last token, which predicts nothing; return the nodes that predict, in order."""
        self.examples.append(example)
        node, path = ROOT, []
        for token in example.token_ids[: None if example.padding else -1]:
            node = self._child(node, token)
            path.append(node)
        for position in range(example.loss_from, len(example.token_ids)):
            for token, weight in example.wanted(position):
                self._want(path[position - 1], token, weight)
        if example.padding is not None:
            self._pad(node, example)
        return path[example.loss_from - 1 : len(example.token_ids) - 1]

    def _pad(self, last: int, example: Example) -> None:
        padding = example.padding
        assert padding is not None
        self._want(last, padding.token, 1.0)
        for position in padding.positions:
            node = self._new(last, padding.token, position)
            self.padding.add(node)
            self._want(node, padding.token, padding.weight)

    def _want(self, node: int, token: int, weight: float) -> None:
        self.targets[node, token] = self.targets.get((node, token), 0.0) + weight

    def _child(self, node: int, token: int) -> int:
        child = self._children.get((node, token))
        if child is None:
            position = self.positions[node] + 1 if node != ROOT else 0
            child = self._children[node, token] = self._new(node, token, position)
        return child

    def _new(self, parent: int, token: int, position: int) -> int:
        self.tokens.append(token)
        self.parents.append(parent)
        self.positions.append(position)
        return len(self.tokens) - 1

    @property
    def loss_tokens(self) -> int:
        """Predictions in the loss, an example's repetition counted again."""
        return round(self.weight)

    @property
    def weight(self) -> float:
        """Sum of the targets' weights."""
        return sum(self.targets.values())

    def halves(self) -> list[TokenTree]:
        """The same examples as two trees; one tree when there is but one example."""
        middle = math.ceil(len(self.examples) / 2)
        return [grown(part) for part in (self.examples[:middle], self.examples[middle:]) if part]


def grown(examples: Iterable[Example]) -> TokenTree:
    """One tree of all of them."""
    tree = TokenTree()
    for example in examples:
        tree.add(example)
    return tree


def plan_steps(epochs: Sequence[Sequence[Example]], recipe: Recipe) -> list[TokenTree]:
    """One tree a step, in order: of `batch_tokens` nodes, all of an epoch's equally full; padded lines one by one."""
    if recipe.pad_to is not None:
        return [grown([example]) for epoch in epochs for example in epoch]
    return [tree for epoch in epochs for tree in _fill(epoch, _even(_fill(epoch, recipe.batch_tokens)))]


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
