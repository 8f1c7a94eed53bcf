"""How much texts differ from each other: a policy that always writes the same has collapsed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import combinations

from rapidfuzz.distance import Indel


def diversity(texts: Sequence[str]) -> float:
    """Mean over pairs of `dissimilarity`, 0 (all the same) to 1; fewer than two texts give 0.

    The mean of all pairs, as in Self-BLEU (Zhu et al. 2018, arXiv 1802.01886), so that one odd text among many equal
    ones makes no diversity."""
    said = [_words(text) for text in texts]
    apart = [Indel.normalized_distance(one, other) for one, other in combinations(said, 2)]
    return sum(apart) / len(apart) if apart else 0.0


def dissimilarity(one: str, other: str) -> float:
    """1 - ROUGE-L (F1 of the longest common subsequence of words; Lin 2004), whatever case, spaces and signs: 0 to 1.

    By ROUGE-L Self-Instruct keeps its instructions apart (arXiv 2212.10560). Of words, since the letters of any two
    English texts are half alike."""
    return float(Indel.normalized_distance(_words(one), _words(other)))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
