from __future__ import annotations

import pytest

from seald.config.retraining import Rewards
from seald.policy.rewards import SIGNS, hidden_gain, mean_reward, reward_of, rewards
from tests.unit.policy.episodes import episode, score

NOTHING = dict.fromkeys(Rewards.model_fields, 0.0)
SCORE = score(
    accuracy=0.5, logprob=0.25, heldout=0.125, retention=0.1, norm=4, tokens=5000, hidden_accuracy=9, hidden_logprob=9
)
EDIT = episode("A line.", edit_tokens=500, proxy={"total": 0.7, "length": 1.0})


@pytest.mark.parametrize(
    ("name", "paid"),
    [
        ("accuracy", 0.5),
        ("logprob", 0.25),
        ("heldout", 0.125),
        ("proxy", 0.7),
        ("length", 5.0),
        ("retention", -0.1),
        ("size", -0.5),
        ("norm", -4.0),
    ],
)
def test_each_part_is_paid_or_taken_off(name: str, paid: float) -> None:
    assert reward_of(SCORE, EDIT, Rewards(**{**NOTHING, name: 1.0})) == pytest.approx(paid)
    assert reward_of(SCORE, EDIT, Rewards(**{**NOTHING, name: 2.0})) == pytest.approx(2 * paid)


def test_every_weight_has_a_sign_and_parts_add_up() -> None:
    assert set(SIGNS) == set(Rewards.model_fields)
    assert reward_of(SCORE, EDIT, Rewards(**dict.fromkeys(NOTHING, 1.0))) == pytest.approx(1.975)


def test_hidden_questions_pay_nothing_and_judge() -> None:
    scores = (score(0, hidden_accuracy=0.5, hidden_logprob=0.2), score(1, hidden_accuracy=0.0, hidden_logprob=0.1))
    edit = episode("A line.", scores=scores)
    assert rewards(edit, Rewards()) == [0, 0]
    assert hidden_gain(edit) == pytest.approx(0.4)


def test_what_was_not_scored_has_no_reward() -> None:
    assert mean_reward(EDIT, Rewards()) is None
    assert hidden_gain(EDIT) is None
    assert mean_reward(episode("A line.", rewards=[0.1, 0.4]), Rewards()) == pytest.approx(0.25)
