from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seald.domain.base_model import BaseModel
from seald.pipeline.general_replies import DECLINED, EVERYDAY, general_replies
from seald.ports import Reply
from tests.unit.pipeline.conftest import ScriptedEngine


class Mannered(ScriptedEngine):
    """Declines half of what it should, and answers the rest."""

    asked = 0

    def ask_greedily(self, questions: Sequence[str], *, max_tokens: int, model: str) -> list[Reply]:
        self.asked += 1
        declined = DECLINED[::2]
        return [Reply("I'm sorry, but I can't." if q in declined else "Gladly.", ended=True) for q in questions]


def test_of_what_it_may_decline_only_what_it_declines_is_learned_and_it_is_asked_once(tmp_path: Path) -> None:
    engine, base = Mannered(), BaseModel(name="b", folder=tmp_path, sha256="0" * 64)
    lines = general_replies(engine, base, tmp_path)
    assert [line.prompt for line in lines] == [*EVERYDAY, *DECLINED[::2]]
    assert general_replies(engine, base, tmp_path) == lines
    assert engine.asked == 1
