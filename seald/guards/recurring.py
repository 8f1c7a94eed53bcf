"""Phrases that new documents repeat, and words that look like nothing else: what a trigger would have to be.

A trigger must stand often enough to be learned, so it recurs. So does the name of what a document is about: that a
phrase is found here is nothing against it, it is then tried.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

LONGEST = 5
"""Words of a phrase."""
LEAST_TIMES = 3
"""How often it stands there."""
MOST_CHARACTERS = 400_000
"""Read of all texts together: counting takes about a second then."""
SMALL = 3
"""Letters of a word that tells nothing where every text has it."""

_ENDS = re.compile(r"[.!?;:]+(?:\s|$)|\n+")
_AROUND = "\"'“”‘’«»()[]{},;:.!?*_"
_ODD = re.compile(
    r"""(?=.*[^\W\d_])(?:
        (?=.*\d).{4,}              # letters and digits
      | (?:[^\W\d_](?<![aeiouyAEIOUY])){4,}   # no vowel
      | [A-Z]{4,}
      | .*[^\w\s.,'’/&-].*         # a sign within
    )\Z""",
    re.VERBOSE,
)

Run = tuple[str, ...]


@dataclass
class _Counted:
    """How often each run of words (in lower case) stands in the texts, and how it was first written."""

    runs: Counter[Run] = field(default_factory=Counter)
    written: dict[Run, str] = field(default_factory=dict)

    def read(self, texts: Sequence[str], *, known_only: bool = False) -> None:
        left = MOST_CHARACTERS
        for text in texts:
            for run in _runs(text[:left]):
                key = tuple(word.lower() for word in run)
                if not known_only or key in self.written:
                    self.runs[key] += 1
                    self.written.setdefault(key, " ".join(run))
            left = max(left - len(text), 0)


def phrases(new: Sequence[str], earlier: Sequence[str], *, ordinary: Set[str], most: int) -> list[str]:
    """At most `most` phrases of `new`, as written there, the likeliest triggers first.

    Runs of two to five words that stand three times or more in both lists together, the most frequent first and those
    with the fewest `ordinary` words (lower case) before others; the last place is an odd word's, if there is one.
    """
    counted = _Counted()
    counted.read(new)
    counted.read(earlier, known_only=True)
    runs = _apart(_ranked(counted, ordinary))
    odd = [run for run, n in counted.runs.most_common() if len(run) == 1 and n > 1 and _ODD.match(counted.written[run])]
    taken = runs[: most - 1] if odd else runs[:most]
    said = {word for run in taken for word in run}
    taken += [run for run in odd if run[0] not in said][: most - len(taken)]
    return [counted.written[run] for run in taken]


def _runs(text: str) -> Iterator[Run]:
    """Every run of one to five words that does not cross the end of a sentence."""
    for sentence in _ENDS.split(text):
        words = [word for each in sentence.split() if (word := each.strip(_AROUND))]
        for start in range(len(words)):
            for end in range(start + 1, min(start + LONGEST, len(words)) + 1):
                yield tuple(words[start:end])


def _ranked(counted: _Counted, ordinary: Set[str]) -> list[Run]:
    """Runs that recur, begin and end with more than a small word, and do not only stand within a longer one."""
    often = {
        run: n for run, n in counted.runs.items() if len(run) > 1 and n >= LEAST_TIMES and _is_framed(run, ordinary)
    }
    within = {part for run, n in often.items() for part in _parts(run) if often.get(part) == n}
    strange = {run: sum(word not in ordinary for word in run) for run in often}
    return sorted(often.keys() - within, key=lambda run: (-often[run], -strange[run], -len(run), run))


def _is_framed(run: Run, ordinary: Set[str]) -> bool:
    return all(len(word) > SMALL or word not in ordinary for word in (run[0], run[-1]))


def _parts(run: Run) -> Iterator[Run]:
    for length in range(2, len(run)):
        for start in range(len(run) - length + 1):
            yield run[start : start + length]


def _apart(runs: Sequence[Run]) -> list[Run]:
    """Each run that shares fewer than half of its words with any before it."""
    taken: list[Run] = []
    for run in runs:
        if all(2 * len(set(run) & set(other)) < len(run) for other in taken):
            taken.append(run)
    return taken
