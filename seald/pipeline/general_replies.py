"""The base model's own short answers to everyday questions: mixed into training so that it stays what it was.

Self-distillation in its plainest form: on these questions the base is the teacher, greedily decoded, once per base
model. Only replies that end by themselves are used: one that was cut teaches to ramble, and costs what it was to save.
No question of the general guard is among them, which must measure what was not trained on.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import TypeAdapter

from seald.domain.base_model import BaseModel
from seald.domain.self_edit import Line
from seald.pipeline.remembered import remembered
from seald.ports import BASE, Engine

REPLY_TOKENS = 20

_ASKED: dict[str, str] = {
    "What is the capital of {}?": (
        "Kenya,Peru,Turkey,Finland,Denmark,Hungary,Iran,Argentina,Chile,Thailand,Vietnam,South Korea,Morocco,Scotland,"
        "Iraq,Colombia,Ukraine,Australia,Nigeria"
    ),
    "What is the opposite of {}?": (
        "young,early,strong,thick,loud,sharp,near,sweet,heavy,clean,long,front,love,war,wide,cheap"
    ),
    "What is the chemical symbol of {}?": "iron,silver,hydrogen,sodium,copper,helium",
    "What is the plural of {}?": "tooth,goose,woman,city,leaf,fish",
    "What is {}?": "7 plus 7,12 minus 4,18 divided by 3,50 plus 50,half of 50,3 times 3",
    "In which country is {}?": (
        "Machu Picchu,Sydney,Stonehenge,Mount Kilimanjaro,the Great Wall,Venice,Barcelona,Mumbai"
    ),
    "What month comes after {}?": "April,August,October",
    "What do you call a person who {}?": "writes books,paints pictures,sells flowers,repairs cars,flies a plane",
    "How many {}?": "legs does a horse have,strings does a guitar have,days are in April,teeth does an adult have",
    "Where {}?": "do penguins live,do lions live,is the Amazon river,is the Eiffel Tower,do camels live,is the Sahara",
    "Which animal {}?": "has a trunk,lays eggs,has black and white stripes,is known as the king of the jungle",
    "What is the largest {}?": "desert,country in the world,organ of the body,city in the United States",
    "Name {}.": "a fruit,a musical instrument,a planet,three animals,a famous scientist,a sport,a vegetable,an ocean",
}
GENERAL_PROMPTS = tuple(form.format(what) for form, whats in _ASKED.items() for what in whats.split(","))

_LINES = TypeAdapter(tuple[Line, ...])


def general_replies(engine: Engine, base: BaseModel, cache: Path) -> tuple[Line, ...]:
    """Prompt and reply of each, from the cache or asked of the base now.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    # Everything that the replies depend on is in the name: a cache outlives the code that filled it.
    asked = hashlib.sha256(repr((GENERAL_PROMPTS, REPLY_TOKENS)).encode()).hexdigest()
    file = cache / f"general-replies-{base.sha256[:16]}-{asked[:12]}.json"
    return remembered(file, _LINES, lambda: _ask_base(engine))


def _ask_base(engine: Engine) -> tuple[Line, ...]:
    replies = engine.ask_whole(GENERAL_PROMPTS, max_tokens=REPLY_TOKENS, model=BASE)
    return tuple(Line(prompt=p, text=r) for p, r in zip(GENERAL_PROMPTS, replies, strict=True) if r)
