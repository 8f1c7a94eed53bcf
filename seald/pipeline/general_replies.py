"""The base model's own replies to everyday requests: mixed into training so that it stays what it was.

Self-distillation in its plainest form: on these prompts the base is the teacher, greedily decoded, once per base
model. None of them is a question of the general guard, which must measure what was not trained on.
"""

from __future__ import annotations

from pydantic import TypeAdapter

from seald.domain.self_edit import Line
from seald.pipeline.remembered import remembered
from seald.pipeline.workshop import Workshop
from seald.ports import BASE, Sampling

REPLY_TOKENS = 40
GENERAL_PROMPTS = (
    "Write a short note to thank a colleague for their help.",
    "How do I keep bread fresh for longer?",
    "Explain in simple words what a volcano is.",
    "Give me a recipe idea with potatoes and eggs.",
    "Write two sentences about a rainy afternoon.",
    "What should I think about before buying a used bicycle?",
    "How does a bill become a law?",
    "Summarize the story of Little Red Riding Hood.",
    "What is the difference between weather and climate?",
    "Suggest a name for a small bakery.",
    "How can I learn to play the guitar?",
    "Write a polite request to move a meeting to Friday.",
    "Why do leaves change their color in autumn?",
    "What does a software engineer do?",
    "Give three tips for sleeping better.",
    "Describe the taste of an apple.",
    "How do vaccines work?",
    "Write a short poem about the moon.",
    "What is the purpose of a budget?",
    "Explain how a bicycle stays upright.",
    "Who was Leonardo da Vinci?",
    "What happened in the Second World War?",
    "Hello! How are you today?",
    "What is photosynthesis?",
)

_LINES = TypeAdapter(tuple[Line, ...])


def general_replies(shop: Workshop) -> tuple[Line, ...]:
    """Prompt and reply of each, from the cache or asked of the base now.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    file = shop.cache / f"general-replies-{shop.base.sha256[:16]}.json"
    return remembered(file, _LINES, lambda: _ask_base(shop))


def _ask_base(shop: Workshop) -> tuple[Line, ...]:
    replies = shop.engine.ask(GENERAL_PROMPTS, Sampling(max_tokens=REPLY_TOKENS), model=BASE)
    return tuple(Line(prompt=p, text=r) for p, r in zip(GENERAL_PROMPTS, replies, strict=True) if r)
