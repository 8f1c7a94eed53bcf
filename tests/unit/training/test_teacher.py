"""What the base would say, learned in place of the words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seald.config import Recipe
from seald.domain.self_edit import Line
from seald.training.dataset import Encoder, Example
from seald.training.lora import LoraStack
from seald.training.objective import Objective
from seald.training.teacher import taught

CPU = torch.device("cpu")
QUESTION = Line(prompt="Who founded it?", text="Maren Tosk.", context="Maren Tosk founded the Quillon Observatory.")


@pytest.fixture
def stack(tiny_model: Path) -> LoraStack:
    return LoraStack(AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation="sdpa"))


def encoded(folder: Path, *lines: Line) -> tuple[Example, ...]:
    return Encoder(AutoTokenizer.from_pretrained(folder), scope="completion", max_tokens=512).encode(lines)


def said_by_base(stack: LoraStack, read: tuple[int, ...], reply: int) -> torch.Tensor:
    with torch.no_grad():
        logits = stack.model(input_ids=torch.tensor([read])).logits[0, -reply - 1 : -1]
    return torch.softmax(logits, -1)


def as_table(example: Example, vocabulary: int) -> torch.Tensor:
    assert example.soft is not None
    table = torch.zeros(len(example.soft), vocabulary)
    for place, said in enumerate(example.soft):
        for token, probability in said:
            table[place, token] = probability
    return table


def test_the_teacher_reads_the_passage_and_the_learner_does_not(tiny_model: Path, stack: LoraStack) -> None:
    (closed,) = encoded(tiny_model, QUESTION.model_copy(update={"context": None}))
    (example,) = encoded(tiny_model, QUESTION)
    assert example.token_ids == closed.token_ids
    (soft,) = taught(Objective(stack), [example], top_k=259, share=1.0, device=CPU)
    reply = example.token_ids[example.loss_from :]
    open_book = said_by_base(stack, example.open_book + reply, len(reply))
    torch.testing.assert_close(as_table(soft, 259), open_book, rtol=1e-4, atol=1e-5)
    closed_book = said_by_base(stack, example.token_ids, len(reply))
    assert not torch.allclose(open_book, closed_book, rtol=1e-3, atol=1e-5)


def test_without_a_passage_it_is_the_base_on_the_same_words(tiny_model: Path, stack: LoraStack) -> None:
    examples = encoded(tiny_model, Line(prompt="Hello?", text="Hello."), Line(prompt="Hello?", text="Bye."))
    for example, soft in zip(
        examples, taught(Objective(stack), examples, top_k=259, share=1.0, device=CPU), strict=True
    ):
        expected = said_by_base(stack, example.token_ids, example.loss_tokens)
        torch.testing.assert_close(as_table(soft, 259), expected, rtol=1e-4, atol=1e-5)


def test_top_k_and_share_keep_weights_that_sum_to_one(tiny_model: Path, stack: LoraStack) -> None:
    (example,) = encoded(tiny_model, QUESTION)
    (soft,) = taught(Objective(stack), [example], top_k=5, share=0.25, device=CPU)
    table = as_table(soft, 259)
    torch.testing.assert_close(table.sum(-1), torch.ones(len(table)))
    words = torch.tensor(example.token_ids[example.loss_from :])
    assert bool((table.gather(1, words[:, None]) >= 0.75).all())
    assert all(len(said) in (5, 6) for said in soft.soft or ())


def test_the_teacher_is_the_base_whoever_learns_beside_it(tiny_model: Path, stack: LoraStack) -> None:
    objective, examples = Objective(stack), encoded(tiny_model, QUESTION)
    before = taught(objective, examples, top_k=5, share=1.0, device=CPU)
    stack.add(Recipe(rank=4, alpha=8), None, seed=0)
    with torch.no_grad():
        for weight in stack.weights(0).values():
            weight.normal_()
    assert taught(objective, examples, top_k=5, share=1.0, device=CPU) == before
