"""The general suite: questions that small models mostly get right, each with a wrong answer to beat; the shipped ones,
then those of the user's own file.

Scored by log-probability, one prefill a question: generating 250 answers would take minutes on two cores.
"""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seald.domain.probe import Probe, ProbeOrigin, probe_id
from seald.errors import ConfigError

FILE = Path(__file__).with_name("general.jsonl")
KEY = "guards.general.file"


class Item(BaseModel):
    """A line of a suite's file. `answer` and `wrong` go on after `lead`, the reply's first words; they are told apart
    by their first tokens, so they must begin with different words."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    question: str = Field(min_length=1)
    lead: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    wrong: str = Field(min_length=1)


def load(file: Path | None = None) -> tuple[Probe, ...]:
    """All probes of the suite in the order of the files, the shipped ones first. A file is read once a process.

    Raises:
        ConfigError: `file` cannot be read, or a line of it is no item, or asks what another asks; the message says
            which line.
    """
    return _read(file)[0]


def fingerprint(file: Path | None = None) -> str:
    """Changes with the suite, so that remembered results of another one are not taken for its own. Raises as `load`."""
    return _read(file)[1]


@cache
def _read(file: Path | None) -> tuple[tuple[Probe, ...], str]:
    shipped = FILE.read_bytes()
    probes: dict[str, Probe] = {}
    _add(probes, FILE, shipped, "shipped")
    if file is None:
        return tuple(probes.values()), hashlib.sha256(shipped).hexdigest()[:12]
    own = _content(file)
    _add(probes, file, own, "client")
    return tuple(probes.values()), hashlib.sha256(shipped + b"\n" + own).hexdigest()[:12]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}", param=KEY) from None


def _add(probes: dict[str, Probe], file: Path, content: bytes, origin: ProbeOrigin) -> None:
    """The probes of each line that is not empty, under their questions in lower case."""
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        item = _item(line, f"{file}, line {number}")
        if item.question.lower() in probes:
            raise ConfigError(f"{file}, line {number}: {item.question!r} is asked already", param=KEY)
        probes[item.question.lower()] = _probe(item, origin)


def _item(line: bytes, where: str) -> Item:
    try:
        item = Item.model_validate_json(line)
    except ValidationError as error:
        reasons = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'line'}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{where}: {reasons}", param=KEY) from None
    if item.answer.split()[0].lower() == item.wrong.split()[0].lower():
        raise ConfigError(f"{where}: answer and wrong begin with the same word: nothing tells them apart", param=KEY)
    return item


def _probe(item: Item, origin: ProbeOrigin) -> Probe:
    before, after = _gaps(item)
    answer = after + item.answer
    return Probe(
        id=probe_id("general", item.question, answer),
        collection="",
        document_id=None,
        kind="choice",
        question=item.question,
        lead=item.lead + before,
        answer=answer,
        wrong=after + item.wrong,
        origin=origin,
    )


def _gaps(item: Item) -> tuple[str, str]:
    """What stands behind the lead, and before the answers: the space belongs to the token of a word, but is one of its
    own before digits, and both answers would begin with it. A script without spaces has none."""
    if any(unicodedata.east_asian_width(c) in "WF" for c in (item.lead[-1], item.answer[0])):
        return "", ""
    return (" ", "") if item.answer[0].isdigit() and item.wrong[0].isdigit() else ("", " ")
