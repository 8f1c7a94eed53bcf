"""What a client may send as a task."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from seald.domain.task import MOST_EXAMPLES, Task, TaskAsk

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = [{"input": "ant", "output": "tna"}, {"input": "bee", "output": "eeb"}]
GRIDS = [{"input": [[1, 0]], "output": [[0, 1]]}, {"input": [[2, 0]], "output": [[0, 2]]}]


def asked(**values: Any) -> TaskAsk:
    return TaskAsk.model_validate({"name": "turned", "examples": TEXTS, **values})


def test_its_kind_is_that_of_its_values() -> None:
    assert Task.of(asked(), NOW).kind == "text"
    grids = Task.of(asked(examples=GRIDS, test=[{"input": [[3, 0]]}]), NOW)
    assert (grids.kind, grids.lineage, grids.test[0].output) == ("grid", "task/turned", None)
    assert grids.examples[0].input == ((1, 0),)


def test_the_same_request_has_the_same_id_and_another_another() -> None:
    assert Task.of(asked(), NOW).id == Task.of(asked(kind="text"), NOW).id
    assert Task.of(asked(), NOW).id != Task.of(asked(name="other"), NOW).id
    assert Task.of(asked(), NOW).id != Task.of(asked(examples=TEXTS[::-1]), NOW).id


def test_an_example_that_is_there_twice_counts_once() -> None:
    assert len(Task.of(asked(examples=[*TEXTS, TEXTS[0]]), NOW).examples) == 2


def pairs(value: Any) -> list[dict[str, Any]]:
    return [GRIDS[0], {"input": value, "output": [[1]]}]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"examples": TEXTS[:1]}, "at least 2"),
        ({"examples": [TEXTS[0], TEXTS[0]]}, "2 different examples"),
        ({"examples": []}, "at least 2"),
        ({"examples": [{"input": str(n), "output": "x"} for n in range(10_000)]}, f"at most {MOST_EXAMPLES}"),
        ({"examples": pairs([[1, 2], [3]])}, "ragged grid: its rows have 1 and 2 cells"),
        ({"examples": pairs([[10]])}, "less than 10"),
        ({"examples": pairs([[-1]])}, "greater than or equal to 0"),
        ({"examples": pairs([[True]])}, "valid integer"),
        ({"examples": pairs([[1.5]])}, "valid integer"),
        ({"examples": pairs([["1"]])}, "valid integer"),
        ({"examples": pairs([])}, "at least 1"),
        ({"examples": pairs([[]])}, "at least 1"),
        ({"examples": pairs([[0] * 31])}, "at most 30"),
        ({"examples": pairs([[0]] * 31)}, "at most 30"),
        ({"examples": [{"input": "  ", "output": "x"}, TEXTS[0]]}, "white space"),
        ({"examples": [{"input": "x" * 4001, "output": "x"}, TEXTS[0]]}, "at most 4000"),
        ({"examples": [{"input": 5, "output": "x"}, TEXTS[0]]}, "valid string"),
        ({"examples": [{"input": "x"}, TEXTS[0]]}, "output"),
        ({"examples": [{"input": "ant", "output": "x"}, *TEXTS]}, "two outputs"),
        ({"examples": [*TEXTS, *GRIDS]}, "do not go together"),
        ({"kind": "grid"}, "kind is 'grid'"),
        ({"kind": "sound"}, "'text' or 'grid'"),
        ({"test": [{"input": [[1]]}]}, "do not go together"),
        ({"name": "Turned"}, "pattern"),
        ({"name": "a/b"}, "pattern"),
        ({"name": "a" * 59}, "pattern"),
        ({"solve": True}, "Extra inputs"),
    ],
)
def test_what_is_no_task_is_refused_with_the_reason(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        asked(**values)
