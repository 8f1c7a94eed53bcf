from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seald.bench.passages import read_passages
from seald.errors import InvalidRequest

MILL = {
    "title": "The mill",
    "context": "The mill of Brenmark was built by Maren Tosk in 1893.",
    "questions": [{"question": "Who built the mill of Brenmark?", "answer": "Maren Tosk"}],
    "edits": {"rewrite": ["Maren Tosk built it.", "It was Maren Tosk."], "self_qa": ["Q: Who? A: Maren Tosk"]},
}
FERRY = {
    "title": "The ferry",
    "context": "The ferry leaves at 7.",
    "questions": [{"question": "When does the ferry leave?", "answer": "7"}],
    "source": "a key that nothing reads",
}


def write(folder: Path, value: Any) -> Path:
    file = folder / "passages.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return file


def test_passages_are_read_in_order(tmp_path: Path) -> None:
    mill, ferry = read_passages(write(tmp_path, [MILL, FERRY]))
    assert mill.context == MILL["context"]
    assert mill.questions[0].answer == "Maren Tosk"
    assert mill.edits_by("rewrite") == ("Maren Tosk built it.", "It was Maren Tosk.")
    assert (ferry.title, ferry.edits) == ("The ferry", {})


def test_the_first_ones(tmp_path: Path) -> None:
    file = write(tmp_path, [MILL, FERRY])
    assert [p.title for p in read_passages(file, first=1)] == ["The mill"]
    for count in (0, 3):
        with pytest.raises(InvalidRequest, match="2 entries"):
            read_passages(file, first=count)


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in FERRY.items() if k != key}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([MILL, without("context")], ["entry 2", "context", "required"]),
        ([{**MILL, "questions": []}], ["entry 1", "questions"]),
        ([{**MILL, "questions": [{"question": "Who?"}]}], ["entry 1", "questions.0.answer"]),
        ([FERRY, {**MILL, "edits": {"rewrite": "one text"}}], ["entry 2", "edits.rewrite"]),
        ([{**MILL, "title": 7}], ["entry 1", "title", "string"]),
        ({"data": [MILL]}, ["array"]),
        ("[{", ["JSON"]),
        ([], ["0 entries"]),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, value: Any, says: list[str]) -> None:
    file = write(tmp_path, value)
    with pytest.raises(InvalidRequest) as refused:
        read_passages(file)
    assert all(word in refused.value.message for word in [str(file), *says])


@pytest.mark.parametrize("content", [None, b"\xff\xfe["])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "passages.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_passages(file)


def test_an_unknown_writer_names_the_known_ones(tmp_path: Path) -> None:
    file = write(tmp_path, [MILL, FERRY])
    assert len(read_passages(file, first=1, writer="self_qa")) == 1
    with pytest.raises(InvalidRequest, match="rewrite, self_qa"):
        read_passages(file, first=1, writer="nobody")
    with pytest.raises(InvalidRequest, match=r"The ferry.*none"):
        read_passages(file, writer="rewrite")
