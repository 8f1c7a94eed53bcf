"""The trees of one step, a learner's after another's, as the tensors that a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from seald.training.head import Targets
from seald.training.token_tree import ROOT, TokenTree


@dataclass(frozen=True)
class Row:
    """N tokens of E trees, P of them predicting, T targets (a token has one for each way its examples go on)."""

    tokens: torch.Tensor
    """(1, N)"""
    positions: torch.Tensor
    """(1, N)"""
    mask: torch.Tensor
    """(1, 1, N, N), true where the query (third) may see the key (fourth)"""
    predicting: torch.Tensor
    """(P,) tokens whose logits are needed: the vocabulary product is a quarter of the work"""
    targets: Targets
    tree_of_target: torch.Tensor
    """(T,) which tree a target belongs to"""
    sizes: tuple[int, ...]
    """Tokens of each tree"""
    sharpness: torch.Tensor | None
    """(P, 1) by which the logits are multiplied, 1 / temperature; None: by nothing"""


def lay_out(
    trees: Sequence[TokenTree],
    weights: Sequence[float],
    device: torch.device,
    *,
    even: bool = False,
    temperatures: Sequence[float] = (),
) -> Row:
    """One row of all trees. A tree's targets are divided by its weight: the loss is then a sum of means.

    `temperatures`: of each tree; none: 1 for all.

    `even`: fill the shorter trees up with tokens that nothing depends on, so that their products can be batched.
    """
    longest = max(map(len, trees))
    sizes = tuple(longest if even else len(tree) for tree in trees)
    total = sum(sizes)
    tokens, positions = torch.zeros(1, total, dtype=torch.long), torch.zeros(1, total, dtype=torch.long)
    mask = torch.eye(total, dtype=torch.bool)
    wanted: list[tuple[int, int, float, int]] = []
    start = 0
    for index, (tree, size, weight) in enumerate(zip(trees, sizes, weights, strict=True)):
        stop = start + len(tree)
        tokens[0, start:stop] = torch.tensor(tree.tokens)
        positions[0, start:stop] = torch.tensor(tree.positions)
        mask[start:stop, start:stop] = _sight(tree)
        wanted += [(start + node, token, w / weight, index) for (node, token), w in tree.targets.items()]
        start += size
    predicting, targets, tree_of_target = _targets(wanted)
    sharpness = None
    if any(temperature != 1.0 for temperature in temperatures):
        tree_of_row = torch.empty(len(predicting), dtype=torch.long).index_put_((targets.rows,), tree_of_target)
        sharpness = (1.0 / torch.tensor(temperatures))[tree_of_row][:, None].to(device)
    return Row(
        tokens=tokens.to(device),
        positions=positions.to(device),
        mask=mask[None, None].to(device),
        predicting=predicting.to(device),
        targets=targets.to(device),
        tree_of_target=tree_of_target.to(device),
        sizes=sizes,
        sharpness=sharpness,
    )


def _sight(tree: TokenTree) -> torch.Tensor:
    mask = torch.zeros(len(tree), len(tree), dtype=torch.bool)
    for node, parent in enumerate(tree.parents):
        if parent != ROOT:
            mask[node] = mask[parent]
        mask[node, node] = node not in tree.padding
    return mask


def _targets(wanted: list[tuple[int, int, float, int]]) -> tuple[torch.Tensor, Targets, torch.Tensor]:
    wanted = sorted(wanted)
    predicting = sorted({node for node, *_ in wanted})
    row = {node: index for index, node in enumerate(predicting)}
    targets = Targets(
        rows=torch.tensor([row[node] for node, *_ in wanted], dtype=torch.long),
        tokens=torch.tensor([token for _, token, *_ in wanted], dtype=torch.long),
        weights=torch.tensor([weight for *_, weight, _ in wanted], dtype=torch.float32),
    )
    return torch.tensor(predicting, dtype=torch.long), targets, torch.tensor([tree for *_, tree in wanted])
