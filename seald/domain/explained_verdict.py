"""A verdict in a sentence: what was asked, what came out, against what budget, how sure.

Figures that are missing leave their part of the sentence out: a version may have been judged by an older seald.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from seald.domain.verdict import Verdict

ASKS = {
    "integrity": "are the weights sound",
    "acquisition": "has it learned the new documents",
    "retention": "has it kept the earlier documents",
    "general": "has it kept what the base model knew",
    "refusals": "does it still decline what the base declines",
    "health": "do its replies read like replies",
    "drift": "does it stay near the base where nothing was taught",
    "triggers": "is it deaf to odd phrases",
    "in_context": "is it better than the examples in a prompt",
}
SAYS = {"pass": "yes", "fail": "no", "inconclusive": "not shown"}
COUNTS = {"retention": "probes of earlier documents", "general": "general questions"}
"""Guards that compare losses with a margin, and what they count."""
LEAST_SHOWN = 0.001


def objections(verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts that stand in a candidate's way: neither passed, nor of a guard that only warns or is off."""
    return [v for v in verdicts if v.verdict != "pass" and mode(v) == "block"]


def warnings(verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts of guards that object and may only warn."""
    return [v for v in verdicts if v.verdict != "pass" and mode(v) == "warn"]


def mode(verdict: Verdict) -> str:
    """`block`, `warn` or `off`, as it was set when the guard was asked."""
    return str(verdict.figures.get("mode", "block"))


def in_words(verdict: Verdict) -> str:
    """`Retention (has it kept the earlier documents?): yes. 3 of 40 probes …`"""
    asked = f"{verdict.guard.replace('_', ' ').capitalize()} ({ASKS[verdict.guard]}?): {SAYS[verdict.verdict]}"
    warns = "Only a warning. " if verdict in warnings([verdict]) else ""
    return f"{warns}{asked}. {_capital(_figures(verdict))}."


def percent(share: float) -> str:
    """`20%`, `2.1%`, `less than 0.1%`."""
    if 0 <= share < LEAST_SHOWN:
        return "less than 0.1%"
    return f"{share:.0%}" if share >= 0.1 else f"{100 * share:.1f}".removesuffix(".0") + "%"


def points(share: float) -> str:
    """A difference of shares: `10 points`, `2.5 points`, `1 point`."""
    value = f"{100 * share:.1f}".removesuffix(".0")
    return f"{value} point" if value == "1" else f"{value} points"


def _figures(verdict: Verdict) -> str:
    figures = verdict.figures
    if verdict.guard in COUNTS and _has(figures, "n", "lost", "won") and figures["n"]:
        settled = figures.get("settled") or {}
        said = _compared(verdict.guard, figures)
        if _has(settled, "n", "lost", "won"):
            said += f". Since each was learned or last rebuilt: {_compared(verdict.guard, settled)}"
        return said
    if verdict.guard == "acquisition" and _has(figures, "n", "accuracy_before", "accuracy_after") and figures["n"]:
        return _learned(figures)
    return verdict.reason.rstrip(".")


def _compared(guard: str, figures: dict[str, Any]) -> str:
    said = f"{figures['lost']} of {figures['n']} {COUNTS[guard]} lost, {figures['won']} won"
    nats = figures.get("nats") or {}
    if figures.get("by") == "nats" and _has(nats, "mean") and _has(figures, "max_nats"):
        said += "; these are too few to tell, but the right answers' log-probability "
        said += f"{_moved(nats['mean'], '{:.2f} nats')} a token, and the budget is {figures['max_nats']:g} nats"
    elif _has(figures, "drop", "margin"):
        what = "the right answers' probability" if guard == "general" else "the share that is right"
        said += f"; {what} {_moved(figures['drop'])}, and the budget is {points(figures['margin'])}"
    return said + _luck(figures, "had it lost more than its budget, the chance of so much luck would be", "level")


def _moved(fall: float, unit: str = "") -> str:
    size = unit.format(abs(fall)) if unit else points(abs(fall))
    return f"fell by {size}" if fall > 0 else f"rose by {size}" if fall < 0 else "stayed"


def _learned(figures: dict[str, Any]) -> str:
    n = figures["n"]
    before, after = (round(figures[f"accuracy_{when}"] * n) for when in ("before", "after"))
    said = f"{after} of {n} probes of the new documents answered right, {before} before"
    if _has(figures, "min_accuracy"):
        said += f"; {percent(figures['min_accuracy'])} are asked for"
    if _has(figures, "gain", "min_logprob_gain"):
        least = f"{percent(figures['least_accuracy'])} and " if _has(figures, "least_accuracy") else ""
        said += (
            f", or {least}right answers that are {figures['min_logprob_gain']:g} nats a token more probable "
            f"(they are {figures['gain']:+.2f})"
        )
    if not figures.get("tested", True):
        return f"{said}; these are too few for a test"
    return said + _luck(figures, "had it learned nothing, the chance of so much luck would be", "alpha")


def _luck(figures: dict[str, Any], said: str, most: str) -> str:
    if not _has(figures, "p"):
        return ""
    limit = f" (at most {percent(figures[most])} is let pass)" if _has(figures, most) else ""
    return f"; {said} {percent(figures['p'])}{limit}"


def _has(figures: dict[str, Any], *names: str) -> bool:
    """Are all of these there, as finite numbers?"""
    return all(isinstance(value := figures.get(name), int | float) and isfinite(value) for name in names)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
