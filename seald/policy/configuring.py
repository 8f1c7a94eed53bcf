"""Configurations: how one is asked for, drawn, and read from a reply.

A reply that is no configuration, or one out of bounds, is a failed sample: nothing is mended, so that a policy which
learns is paid for what it wrote.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from pydantic import ValidationError

from seald.config import Policy as PolicySettings
from seald.config import Recipe
from seald.config.tasks import Augmentation, Bounds, Tasks
from seald.domain.policy import Form
from seald.domain.self_edit import LossScope
from seald.domain.task import OF_GRIDS, OF_TEXTS, Configuration, Pair, TaskKind
from seald.policy import asking
from seald.policy.augmenting import together
from seald.policy.forms import render
from seald.ports import Sampling

MOST_SHOWN = 3
"""Pairs of a task that the policy is shown."""
MOST_LETTERS = 1200
"""Of them."""


def known(kind: TaskKind) -> tuple[Augmentation, ...]:
    """The augmentations that there are for tasks of this kind."""
    return OF_GRIDS if kind == "grid" else OF_TEXTS


def prompt(form: Form, kind: TaskKind, pairs: Sequence[Pair], bounds: Bounds) -> str:
    """What the policy is asked. Pairs are data: they stand between marks that they cannot contain."""
    told = "\n\n".join(map(together, pairs[:MOST_SHOWN]))[:MOST_LETTERS]
    rates, epochs = bounds.learning_rate, bounds.epochs
    keys = (
        f'"augmentations", a list of none, some or all of {json.dumps(known(kind))}',
        f'"loss", {" or ".join(map(json.dumps, get_args(LossScope)))}',
        f'"learning_rate", {rates[0]:g} to {rates[1]:g}',
        f'"epochs", {epochs[0]} to {epochs[1]}',
    )
    return render(form, kind, told, keys)


def sampling(form: Form, kind: TaskKind, bounds: Bounds, settings: PolicySettings, named: str) -> Sampling:
    """How replies are sampled, under their schema where the engine can; the same name samples the same again."""
    return replace(asking.sampling(form, settings, named), schema=json.dumps(schema(kind, bounds)))


def own(kind: TaskKind, recipe: Recipe, settings: Tasks) -> Configuration:
    """The recipe's configuration: what a task is learned by where nobody has a better idea."""
    return Configuration(
        augmentations=tuple(sort for sort in known(kind) if sort in settings.augmentations),
        loss=recipe.loss_scope,
        learning_rate=recipe.learning_rate,
        epochs=recipe.epochs,
    )


def schema(kind: TaskKind, bounds: Bounds) -> dict[str, Any]:
    """The JSON schema of a configuration, for engines that decode under one. Not `uniqueItems`, which vLLM's grammars
    do not know."""
    sorts = {"type": "string", "enum": list(known(kind))}
    properties = {
        "augmentations": {"type": "array", "items": sorts, "maxItems": len(known(kind))},
        "loss": {"type": "string", "enum": list(get_args(LossScope))},
        "learning_rate": {"type": "number", "minimum": bounds.learning_rate[0], "maximum": bounds.learning_rate[1]},
        "epochs": {"type": "integer", "minimum": bounds.epochs[0], "maximum": bounds.epochs[1]},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def parse(reply: str, kind: TaskKind, bounds: Bounds) -> Configuration | None:
    """The first JSON object of a reply as a configuration; None where there is none, a key is missing or unknown, or a
    value is out of bounds. An augmentation that is named twice is named."""
    start = reply.find("{")
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder(parse_constant=_refused).raw_decode(reply[start:])
        said = Configuration.model_validate_json(json.dumps(found), strict=True)
    except (ValueError, ValidationError, RecursionError):
        return None
    wanted = said.model_copy(update={"augmentations": tuple(dict.fromkeys(said.augmentations))})
    return wanted if set(found) == set(Configuration.model_fields) and _is_within(wanted, kind, bounds) else None


def written(wanted: Configuration) -> str:
    """As a reply says it; equal configurations are written alike."""
    sorts = [sort for sort in get_args(Augmentation) if sort in wanted.augmentations]
    return json.dumps({**wanted.model_dump(), "augmentations": sorts})


def drawn(kind: TaskKind, bounds: Bounds, draw: random.Random) -> Configuration:
    """Any configuration within bounds: augmentations with probability 1/2 each, the rate log-uniform."""
    slow, fast = map(math.log, bounds.learning_rate)
    return Configuration(
        augmentations=tuple(sort for sort in known(kind) if draw.random() < 0.5),
        loss=draw.choice(get_args(LossScope)),
        learning_rate=float(f"{math.exp(draw.uniform(slow, fast)):.2g}"),
        epochs=draw.randint(*bounds.epochs),
    )


def _is_within(wanted: Configuration, kind: TaskKind, bounds: Bounds) -> bool:
    return (
        set(wanted.augmentations) <= set(known(kind))
        and bounds.learning_rate[0] <= wanted.learning_rate <= bounds.learning_rate[1]
        and bounds.epochs[0] <= wanted.epochs <= bounds.epochs[1]
    )


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
