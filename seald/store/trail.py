"""Where a pointer stood before, from the history of its moves."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def before(moves: Iterable[int | None], there: Collection[int]) -> int | None:
    """Of the versions that are still `there`, the one at which the pointer stood last before it came to where it is;
    None is where every pointer begins. `moves`: where each led, oldest first.

    The moves are retraced as steps along a trail: one to a version on the trail goes back to it and forgets what came
    after. Rolling back again and again therefore walks further back instead of going to and fro.
    """
    trail: list[int | None] = [None]
    for version in moves:
        if version in trail:
            del trail[trail.index(version) :]
        trail.append(version)
    return next((version for version in trail[-2::-1] if version in there), None)
