"""Self-edits that were written elsewhere, as files bring them: by which form's rule they are read."""

from __future__ import annotations

from collections.abc import Mapping

from seald.domain.policy import Form

FORM_OF = {"self_qa": "self-qa", "rewrite": "rewrite", "implications_long": "implications-long"}
"""By which form's rule a writer's text is split, where the writer is no form itself; others wrote implications."""


def form_of(writer: str, forms: Mapping[str, Form]) -> Form:
    """The form that a writer's text is of."""
    own = forms.get(writer)
    return own if own is not None and own.prompt is not None else forms[FORM_OF.get(writer, "implications")]


def whole(form: Form, text: str) -> str:
    """The text with the words that its prompt had begun it with: SEAL asks for questions from `Question 1:` on."""
    begins_bare = form.splitting == "question-answer" and not text.lstrip().lower().startswith("question")
    return f"Question 1: {text}" if begins_bare else text
