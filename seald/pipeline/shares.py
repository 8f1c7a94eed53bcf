"""One source's share of a training run: many copies of one voice must not outweigh everybody else.

A source that sent several documents is held to `training.source_share` of the tokens, as long as there are others, but
never to less than what is new in its documents: to cut what is said once would be to forget it, however many documents
say something. A document alone in its source is as long as it is. What is left of a source is drawn at random, seeded
by the version: the same version draws the same, another one another part.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from seald.domain.document import Document
from seald.domain.self_edit import Line
from seald.policy.targeting import tokens

RUN = 5
"""Words in a row that make a text known again."""
Said = tuple[str, Line]
"""The id of a document, and a line that was written about it."""


def capped(lines: Sequence[Said], documents: Sequence[Document], share: float, seed: str) -> list[Said]:
    """`lines` in their order, without what is beyond the share of a source of several documents."""
    source = {document.id: source_of(document) for document in documents}
    sizes: Counter[str] = Counter()
    for id, line in lines:
        sizes[source[id]] += tokens([line])
    named = Counter(source.values())
    most = _limit(sizes, {name for name, n in named.items() if n > 1}, share)
    loud = (name for name, n in named.items() if n > 1 and sizes[name] > most)
    beyond = {name: max(most, sizes[name] * _news(documents, name)) for name in loud}
    kept = _drawn([(n, source[id], line) for n, (id, line) in enumerate(lines) if source[id] in beyond], beyond, seed)
    return [said for n, said in enumerate(lines) if source[said[0]] not in beyond or n in kept]


def _news(documents: Iterable[Document], source: str) -> float:
    """Share of the runs of words of a source's documents that are not there twice: near 1/n for n copies."""
    texts = (document.text.casefold().split() for document in documents if source_of(document) == source)
    runs = [tuple(words[n : n + RUN]) for words in texts for n in range(len(words) - RUN + 1)]
    return len(set(runs)) / len(runs) if runs else 0.0


def source_of(document: Document) -> str:
    """Who stands behind a document; without a source, each stands for itself."""
    return f"source {document.source}" if document.source else f"document {document.id}"


def figures(before: Sequence[Said], after: Sequence[Said], documents: Iterable[Document]) -> list[dict[str, object]]:
    """Each source that was cut, with its lines before and after."""
    source = {document.id: source_of(document) for document in documents}
    had, has = (Counter(source[id] for id, _ in lines) for lines in (before, after))
    cut = (name for name in had if has[name] < had[name])
    return [{"source": name, "before": had[name], "after": has[name]} for name in cut]


def _limit(sizes: Mapping[str, int], many: set[str], share: float) -> float:
    """Tokens that a source in `many` may have, so that none has more than `share` of what is then left of all.

    Where so few sources cannot all keep to it, they come down to an equal part.
    """
    if len(sizes) < 2:
        return float("inf")
    share = max(share, 1 / len(sizes))
    ranked = sorted((sizes[name] for name in many if name in sizes), reverse=True)
    rest = float(sum(sizes.values()))
    if not ranked or ranked[0] <= share * rest:
        return float("inf")
    for cut, size in enumerate(ranked, 1):
        rest -= size
        if share * cut >= 1:
            return float(size)
        limit = share * rest / (1 - share * cut)
        if cut == len(ranked) or ranked[cut] <= limit:
            return limit
    raise AssertionError("unreachable: the last one returns")


def _drawn(lines: Sequence[tuple[int, str, Line]], limits: Mapping[str, float], seed: str) -> set[int]:
    """Places of lines that make up to its limit of tokens of each source."""
    by_source: dict[str, list[tuple[int, Line]]] = defaultdict(list)
    for n, name, line in lines:
        by_source[name].append((n, line))
    kept: set[int] = set()
    for name, own in by_source.items():
        left = limits[name]
        for n, line in random.Random(f"{seed}/{name}").sample(own, len(own)):
            if (cost := tokens([line])) <= left:
                left -= cost
                kept.add(n)
    return kept
