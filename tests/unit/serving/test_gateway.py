from __future__ import annotations

import pytest

from seald.errors import NotFound
from seald.serving.gateway import parse_model_id


@pytest.mark.parametrize(
    ("model", "parsed"),
    [
        ("seald", ("default", None)),
        ("seald:ops", ("ops", None)),
        ("seald:ops@12", ("ops", 12)),
        ("base", (None, None)),
    ],
)
def test_model_ids(model: str, parsed: tuple[str | None, int | None]) -> None:
    assert parse_model_id(model) == parsed


@pytest.mark.parametrize(
    "model", ["", "gpt-4", "seald:", "seald:Ops", "seald@1", "seald:ops@0", "seald:ops@x", "base@1"]
)
def test_unknown_model_ids(model: str) -> None:
    with pytest.raises(NotFound) as error:
        parse_model_id(model)
    assert error.value.code == "model_not_found"
    assert error.value.param == "model"
