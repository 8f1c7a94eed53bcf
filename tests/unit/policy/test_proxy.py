from __future__ import annotations

import pytest

from seald.domain.episode import Episode
from seald.policy.proxy import PARTS, proxy
from tests.unit.policy.episodes import episode

TITLE = "The Orvale mill"
PASSAGE = "The Orvale mill was built in 1847 by Tove Brandt. Its wheel is nine metres wide."
GOOD = (
    "The Orvale mill was built in 1847.",
    "Tove Brandt built the Orvale mill.",
    "A wheel nine metres wide turns there.",
)


def rubric(made: Episode, *others: Episode) -> dict[str, float]:
    return proxy(TITLE, PASSAGE, made, others)


def test_nothing_written_is_worth_nothing() -> None:
    assert rubric(episode()) == dict.fromkeys((*PARTS, "total"), 0.0)


def test_the_total_is_the_mean_of_parts_from_0_to_1() -> None:
    found = rubric(episode(*GOOD), episode("The mill is old.", sample=1))
    assert all(0 <= found[part] <= 1 for part in PARTS)
    assert found["total"] == pytest.approx(sum(found[part] for part in PARTS) / 4)


def test_length_falls_on_both_sides_of_the_band() -> None:
    assert rubric(episode(*GOOD))["length"] == 1
    assert 0 < rubric(episode("It is old."))["length"] < 0.3
    assert rubric(episode(PASSAGE, PASSAGE))["length"] == 1
    assert rubric(episode(*[PASSAGE] * 8))["length"] == pytest.approx(1 / 2), "twice as much as is enough"


def test_lines_that_repeat_each_other_or_another_sample_are_not_diverse() -> None:
    alone = rubric(episode(*GOOD))["diversity"]
    assert rubric(episode(*GOOD[:1] * 3))["diversity"] == 0
    assert rubric(episode(*GOOD), episode(*GOOD, sample=1))["diversity"] == pytest.approx(alone / 2)
    assert rubric(episode(*GOOD), episode(*GOOD))["diversity"] == alone, "itself is no other"
    assert rubric(episode(*GOOD), episode("Unlike.", sample=1))["diversity"] > alone


def test_unsupported_lines_weigh_more_than_duplicates() -> None:
    def support(**dropped: int) -> float:
        return rubric(episode(*GOOD, dropped=dropped))["support"]

    assert support() == 1
    assert support(unsupported_name=3) == pytest.approx(0.5)
    assert support(duplicate=3) == pytest.approx(0.8)


def test_coverage_is_the_share_of_facts_that_are_said() -> None:
    assert rubric(episode(*GOOD))["coverage"] == 1
    assert rubric(episode(GOOD[0]))["coverage"] == pytest.approx(1 / 3)
