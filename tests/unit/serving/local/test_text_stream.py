from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from seald.serving.local.text_stream import TextStream


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model)


def stream(tokenizer: Any, *stop: str, keep_stop: bool = False) -> TextStream:
    return TextStream(tokenizer, [3, 4, 5], stop=stop, keep_stop=keep_stop, show_special=False)


def feed(tokenizer: Any, text: TextStream, said: str) -> tuple[list[str], bool]:
    pieces = []
    for token in tokenizer(said).input_ids:
        ended = text.add(token)
        pieces.append(text.take(finished=ended))
        if ended:
            return pieces, True
    return pieces, False


def test_a_character_of_several_tokens_comes_out_whole(tokenizer: Any) -> None:
    pieces, _ = feed(tokenizer, stream(tokenizer), "né €")
    assert [piece for piece in pieces if piece] == ["n", "é", " ", "€"]


def test_what_may_become_a_stop_string_is_held_back(tokenizer: Any) -> None:
    text = stream(tokenizer, "END")
    pieces, ended = feed(tokenizer, text, "an ENd")
    assert not ended
    assert "".join(pieces) == "an E"
    assert text.take(finished=True) == "Nd"


def test_a_stop_string_is_cut_out_however_it_is_split(tokenizer: Any) -> None:
    text = stream(tokenizer, "\n\n", "END")
    pieces, ended = feed(tokenizer, text, "some EN ENDing")
    assert ended
    assert "".join(pieces) == "some EN "


def test_a_stop_string_is_kept_on_demand(tokenizer: Any) -> None:
    text = stream(tokenizer, "END", keep_stop=True)
    pieces, ended = feed(tokenizer, text, "some END.")
    assert (ended, "".join(pieces)) == (True, "some END")


def test_special_tokens_are_not_text(tokenizer: Any) -> None:
    pieces, _ = feed(tokenizer, stream(tokenizer), "a<|im_start|>b")
    assert "".join(pieces) == "ab"
