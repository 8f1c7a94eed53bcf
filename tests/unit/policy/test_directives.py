from __future__ import annotations

from seald.config import DirectiveBounds
from seald.policy.directives import take_directives

BOUNDS = DirectiveBounds(learning_rate=(1e-4, 1e-3), epochs=(2, 10))


def test_directives_are_taken_out_of_the_text() -> None:
    asked, text = take_directives("learning_rate: 5e-4\nepochs = 4\nloss_scope: all\nThe mill is old.", BOUNDS)
    assert (asked.learning_rate, asked.epochs, asked.loss_scope) == (5e-4, 4, "all")
    assert text == "The mill is old."


def test_what_is_out_of_bounds_is_brought_within() -> None:
    asked, _ = take_directives("learning_rate: 7\nepochs: 1", BOUNDS)
    assert (asked.learning_rate, asked.epochs) == (1e-3, 2)


def test_what_cannot_be_read_is_ignored() -> None:
    asked, text = take_directives("epochs: many\nlearning_rate: nan\nloss_scope: nothing\nText.", BOUNDS)
    assert asked.model_dump(exclude_none=True) == {}
    assert text == "Text."
