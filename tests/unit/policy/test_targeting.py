from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seald.domain.self_edit import Line
from seald.policy.coverage import Tally, measure
from seald.policy.forms import by_rule
from seald.policy.registry import load_policy
from seald.policy.targeting import candidates, choose, tokens

TITLE = "The Orvale mill"
PASSAGE = (
    "The Orvale mill was built in 1847 by Tove Brandt with stone from a closed quarry. Its wheel is nine metres wide "
    "and made of oak. In 1950 the miller Anna Holt left for Sandvale. It was not sold in 1951 with the farm."
)


def test_the_subject_is_asked_for() -> None:
    written = candidates(TITLE, PASSAGE)
    assert Line(prompt="Whose wheel is nine metres wide and made of oak?", text="The Orvale mill.") in written
    assert (
        Line(
            prompt="1950, Anna Holt, Sandvale: what is this about?",
            text="The Orvale mill: In 1950 the miller Anna Holt left for Sandvale.",
        )
        in written
    )


def test_a_sentence_is_shortened_only_where_it_stays_true() -> None:
    written = candidates(TITLE, PASSAGE)
    assert Line(prompt="The Orvale mill was built in which year?", text="The Orvale mill was built in 1847.") in written
    assert not any(line.text.endswith("sold in 1951.") for line in written)


def test_short_answers_have_their_question() -> None:
    written = candidates(TITLE, PASSAGE)
    assert Line(prompt="The Orvale mill: wheel is how many metres wide?", text="Nine metres.") in written
    assert Line(prompt="The Orvale mill: with stone from what?", text="Closed quarry.") in written
    assert not any((line.prompt or "").startswith("The Orvale mill: what mill") for line in written), "not the title"


def test_no_name_is_cut_in_two() -> None:
    asked = [line.prompt for line in candidates("Mill", "In 1950 the miller Anna Holt left Lower Sandvale Hill.")]
    assert "Mill: In which year the miller?" in asked


def test_what_is_open_is_closed_within_the_budget() -> None:
    _, forms = load_policy("none")
    lines = by_rule(forms["none"], TITLE, PASSAGE)
    before = measure(TITLE, PASSAGE, lines)
    tally = Tally(TITLE, PASSAGE, 2)
    tally.take(lines)
    chosen = choose(tally, candidates(TITLE, PASSAGE), tokens(lines) // 2)
    after = measure(TITLE, PASSAGE, [*lines, *chosen])
    assert before.covered_k < 0.2 and before.both_directions < 0.7
    assert after.covered_k > 0.9 and after.both_directions == 1
    assert tally.coverage() == after
    assert tokens(chosen) <= tokens(lines) // 2
    assert not choose(tally, chosen, 10**6), "what is there already mends nothing"


@given(st.text(), st.text(), st.integers(0, 200))
def test_no_passage_breaks_it_and_no_budget_is_passed(title: str, passage: str, budget: int) -> None:
    for name, text in ((title, passage), (title, PASSAGE), (TITLE, passage)):
        chosen = choose(Tally(name, text, 2), candidates(name, text), budget)
        assert tokens(chosen) <= budget
        assert len(set(chosen)) == len(chosen)
