"""Checks of a candidate: what it must have learned, what it must not have lost, and whether it is sane at all.

Each guard judges results that `probing` or its own `put` collected; none of them talks to a store or decides alone.
`gate` does.
"""
