from __future__ import annotations

import pytest

from seald.domain.episode import Episode
from seald.domain.retraining import RetrainingStatus as S
from seald.domain.self_edit import Line
from seald.errors import IllegalTransition, NotFound
from seald.store import Stores
from tests.unit.store.test_retrainings import begun, lesson

FIRST, SECOND = lesson("zebra", 0), lesson("apple", 1)


def episode(
    retraining: str, context: str, sample: int = 0, *, round: int = 1, arm: str = "policy", text: str = "A line."
) -> Episode:
    return Episode(
        retraining_id=retraining,
        round=round,
        arm=arm,
        context_id=context,
        sample=sample,
        policy="default",
        form="rewrite",
        prompt="Write.",
        raw=text,
        lines=(Line(text=text),),
    )


def test_an_episode_is_replaced_under_its_key(stores: Stores) -> None:
    id = begun(stores, [FIRST]).id
    stores.episodes.put([episode(id, FIRST.id), episode(id, FIRST.id, 1)])
    later = episode(id, FIRST.id, text="Another line.")
    stores.episodes.put([episode(id, FIRST.id, text="Neither."), later])
    assert stores.episodes.of_round(id, 1) == [later, episode(id, FIRST.id, 1)]
    stores.episodes.put([])


def test_the_order_is_that_of_the_lessons(stores: Stores) -> None:
    id = begun(stores, [FIRST, SECOND]).id
    made = [episode(id, one.id, n, arm=arm) for one in (FIRST, SECOND) for arm in ("learned", "none") for n in (0, 1)]
    stores.episodes.put([*reversed(made), episode(id, FIRST.id, round=2)])
    assert stores.episodes.of_round(id, 1) == made
    assert stores.episodes.of_round(id, 1, "none") == [one for one in made if one.arm == "none"]
    assert stores.episodes.of_round(id, 0) == []


def test_put_all_or_none_and_only_while_it_goes_on(stores: Stores) -> None:
    id = begun(stores, [FIRST]).id
    with pytest.raises(NotFound, match="ret-x"):
        stores.episodes.put([episode(id, FIRST.id), episode("ret-x", FIRST.id)])
    assert stores.episodes.of_round(id, 1) == []
    stores.retrainings.move(id, S.SAMPLING, S.FAILED)
    with pytest.raises(IllegalTransition, match="failed"):
        stores.episodes.put([episode(id, FIRST.id)])
