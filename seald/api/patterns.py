"""How much there is to a client's regular expression, without compiling it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_COUNTED = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_TOKEN = re.compile(
    r"\\.|\[\^?(?:\\.|[^\]\\])*\]|\(\?(?:[:=!]|<[=!]|P?<\w+>)|[+*?]\??|\{\d*,?\d*\}\??|.",
    re.DOTALL,
)
_NO_WIDTH = frozenset({"^", "$", r"\b", r"\B"})


def repeats(pattern: str) -> int:
    """All counted repeats multiplied, as though each stood inside the others; `{,n}` is one, too."""
    found = (max(int(most or 0), int(least or 0)) for least, most in _COUNTED.findall(pattern))
    return math.prod(repeat for repeat in found if repeat)


@dataclass
class _Group:
    """What was read of a group: whether it may end in an open repeat `now`, did `before` the last part, does in an
    earlier branch; whether the last part is a group that does."""

    at_start: bool = False
    now: bool = False
    before: bool = False
    branches: bool = False
    repeating: bool = False

    def take(self, ends_in_repeat: bool) -> None:
        self.before, self.now, self.repeating = self.now, ends_in_repeat, ends_in_repeat

    def branch(self) -> None:
        self.branches |= self.now
        self.now, self.before, self.repeating = self.at_start, self.at_start, False

    def repeat(self, token: str) -> None:
        least, comma, most = token.strip("{}?").partition(",")
        if token[0] in "+*" or (comma and not most):
            self.now = True
        elif token[0] == "?" or not int(least or 0):
            self.now |= self.before


def nests_repeats(pattern: str) -> bool:
    """Whether something is repeated that may end in an open repeat, like `(a+)+` and `((a+)b?)+`."""
    open_groups = [_Group()]
    for token in _TOKEN.findall(pattern):
        group = open_groups[-1]
        if token[0] == "(":
            open_groups.append(_Group(at_start=group.now, now=group.now))
        elif token == ")" and len(open_groups) > 1:
            open_groups.pop()
            open_groups[-1].take(group.now or group.branches)
        elif token == "|":
            group.branch()
        elif token[0] in "+*?" or (token[0] == "{" and len(token) > 1):
            if group.repeating and token[0] != "?":
                return True
            group.repeat(token)
        elif token not in _NO_WIDTH:
            group.take(False)
    return False
