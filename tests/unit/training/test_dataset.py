"""Lines become tokens as the engine will see them, and pools get their shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from seald.config import Recipe
from seald.domain.self_edit import Line
from seald.training.dataset import Encoder, Example, Pools, run_order


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model)


def encode(tokenizer: Any, *lines: Line, **settings: Any) -> tuple[Example, ...]:
    return Encoder(tokenizer, **{"scope": "completion", "max_tokens": 512, **settings}).encode(lines)


def test_raw_line_is_its_text_and_an_end_all_in_the_loss(tokenizer: Any) -> None:
    (example,) = encode(tokenizer, Line(text="Maren Tosk"))
    assert tokenizer.decode(example.token_ids) == "Maren Tosk<|im_end|>"
    assert example.loss_from == 1


def test_chat_line_wears_the_template_and_only_its_reply_is_in_the_loss(tokenizer: Any) -> None:
    (example,) = encode(tokenizer, Line(prompt="Who?", text="Maren Tosk"))
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Who?"}], tokenize=False, add_generation_prompt=True
    )
    assert tokenizer.decode(example.token_ids) == prompt + "Maren Tosk<|im_end|>"
    assert tokenizer.decode(example.token_ids[example.loss_from :]) == "Maren Tosk<|im_end|>"


def test_earlier_turns_are_read_and_not_learned(tokenizer: Any) -> None:
    (example,) = encode(tokenizer, Line(before=("ant", "tna"), prompt="cow", text="woc"))
    turns = (("user", "ant"), ("assistant", "tna"), ("user", "cow"))
    messages = [{"role": role, "content": said} for role, said in turns]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert tokenizer.decode(example.token_ids) == prompt + "woc<|im_end|>"
    assert tokenizer.decode(example.token_ids[example.loss_from :]) == "woc<|im_end|>"


def test_a_long_prompt_loses_no_more_of_its_beginning_than_the_reply_needs(tokenizer: Any) -> None:
    (example,) = encode(tokenizer, Line(prompt="abcdefghij" * 10, text="woc"), max_tokens=40)
    assert len(example.token_ids) == 40
    assert tokenizer.decode(example.token_ids[example.loss_from :]) == "woc<|im_end|>"


def test_scope_all_puts_the_prompt_in_the_loss(tokenizer: Any) -> None:
    (example,) = encode(tokenizer, Line(prompt="Who?", text="Maren Tosk"), scope="all")
    assert example.loss_from == 1


def test_long_lines_are_cut_and_lose_nothing(tokenizer: Any) -> None:
    text = "abcdefghij" * 10
    raw = encode(tokenizer, Line(text=text), max_tokens=40)
    assert "".join(tokenizer.decode(e.token_ids) for e in raw) == text + "<|im_end|>"
    chat = encode(tokenizer, Line(prompt="Who?", text=text), max_tokens=40)
    assert "".join(tokenizer.decode(e.token_ids[e.loss_from :]) for e in chat) == text + "<|im_end|>"
    assert max(len(e.token_ids) for e in raw + chat) <= 40


def example(token: int, size: int) -> Example:
    return Example((token,) * (size + 1), 1)


POOLS = Pools(
    fresh=tuple(example(i, 10) for i in range(20)),
    replay=tuple(example(100 + i, 5) for i in range(40)),
    general=tuple(example(200 + i, 8) for i in range(10)),
)
RECIPE = Recipe(epochs=4, replay_fraction=0.4, general_fraction=0.1)


def test_each_epoch_has_all_fresh_lines_once_and_the_pools_shares() -> None:
    for epoch in run_order(POOLS, RECIPE, seed=0):
        total = sum(e.loss_tokens for e in epoch)
        assert sorted(e.token_ids[0] for e in epoch if e.token_ids[0] < 100) == list(range(20))
        assert sum(e.loss_tokens for e in epoch if 100 <= e.token_ids[0] < 200) / total == pytest.approx(0.4, abs=0.03)
        assert sum(e.loss_tokens for e in epoch if e.token_ids[0] >= 200) / total == pytest.approx(0.1, abs=0.03)


def test_a_pool_is_drawn_evenly() -> None:
    drawn = [e.token_ids[0] for epoch in run_order(POOLS, RECIPE, seed=0) for e in epoch if 100 <= e.token_ids[0] < 200]
    counts = [drawn.count(100 + i) for i in range(40)]
    assert max(counts) - min(counts) <= 1


def test_the_seed_decides_the_order() -> None:
    assert run_order(POOLS, RECIPE, seed=1) == run_order(POOLS, RECIPE, seed=1)
    assert run_order(POOLS, RECIPE, seed=1) != run_order(POOLS, RECIPE, seed=2)


def test_empty_pools_leave_the_fresh_lines() -> None:
    epochs = run_order(Pools(POOLS.fresh, (), ()), RECIPE, seed=0)
    assert [len(epoch) for epoch in epochs] == [20, 20, 20, 20]
