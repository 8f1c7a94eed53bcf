from __future__ import annotations

import json
import math

import pytest
from rich.console import Console

from seald.bench.intervals import Interval
from seald.bench.machine import describe
from seald.bench.report import Figures, arm_name


def figures() -> Figures:
    found = Figures("acquire", settings={"seed": 0, "file": "[b]data.json"})
    found.add_interval("accuracy_seal_v1", Interval(1 / 3, 0.2, 0.5))
    found.add("seconds_seal_v1", 12)
    found.add("tail", 0.000123456)
    return found


def test_the_object_holds_finite_numbers_only() -> None:
    read = json.loads(json.dumps(figures().as_object(), allow_nan=False))
    assert read["bench"] == "acquire"
    assert read["figures"] == {
        "accuracy_seal_v1": 0.3333,
        "accuracy_seal_v1_low": 0.2,
        "accuracy_seal_v1_high": 0.5,
        "seconds_seal_v1": 12,
        "tail": 0.0001235,
    }
    assert read["settings"]["seed"] == 0
    assert read["machine"]["cores"] >= 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        figures().add("speed", value)


@pytest.mark.parametrize("name", ["tail", "Tail", "seal-v1", ""])
def test_a_name_is_plain_and_given_once(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        figures().add(name, 1)


def test_an_interval_comes_back() -> None:
    assert figures().interval("accuracy_seal_v1") == Interval(1 / 3, 0.2, 0.5)
    with pytest.raises(KeyError):
        figures().interval("tail")


def test_the_table_has_a_row_a_figure_and_its_bounds_within() -> None:
    console = Console(width=120)
    table = figures().as_table()
    with console.capture() as captured:
        console.print(table)
    assert table.row_count == 3
    text = captured.get()
    assert "0.2 to 0.5" in text
    assert "[b]data.json" in text


def test_arms_in_names() -> None:
    assert arm_name("seal-v1") == "seal_v1"
    assert arm_name("Passage + QA") == "passage_qa"


def test_the_machine_is_described() -> None:
    machine = describe()
    assert machine["cpu"]
    assert machine["memory_gb"] > 0.1
    assert json.loads(json.dumps(machine)) == machine
