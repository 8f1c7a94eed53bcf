"""Forms: how a self-edit is asked for, and how the reply becomes lines.

The passage goes into the prompt as data, between fences that it cannot contain; whatever it says, the lines that come
back pass the support filter before anything is trained on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from seald.domain.policy import Form, Splitting
from seald.domain.self_edit import Line
from seald.policy import cues, sentences

SEPARATORS: dict[Splitting, str] = {"sentences": " ", "paragraphs": "\n\n", "lines": "\n", "whole": "\n"}
BULLET = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.):])\s+")
PAIR = re.compile(
    r"^\W*(?:question|q)\W*\d*\W*:\s*(?P<question>.+?)\s*\n+\W*(?:answer|a)\W*\d*\W*:\s*(?P<answer>[^\n]+)",
    re.IGNORECASE | re.MULTILINE,
)


def render(form: Form, title: str, passage: str, facts: Iterable[str]) -> str:
    """The prompt of a sampled form for one passage; `facts` are those that it is to write about, if it names any."""
    assert form.prompt is not None, f"form {form.name} is written by rule"
    return form.prompt.format(title=title, passage=fenced(passage), facts="; ".join(facts))


def fenced(passage: str) -> str:
    """The passage between marks that do not occur in it."""
    mark = hashlib.sha256(passage.encode()).hexdigest()[:6]
    while mark in passage:
        mark = hashlib.sha256(mark.encode()).hexdigest()[:6]
    return f"[begin {mark}]\n{passage.strip()}\n[end {mark}]"


def split(form: Form, reply: str, title: str) -> list[Line]:
    """The lines of a reply, by the form's rule of splitting, each with the form's chat prompts."""
    if form.splitting == "question-answer":
        pairs = (match.groupdict() for match in PAIR.finditer(reply))
        return [Line(prompt=pair["question"].strip(), text=pair["answer"].strip()) for pair in pairs]
    texts = [text for piece in _pieces(form, reply) if (text := BULLET.sub("", piece).strip(" *\t"))]
    return [line for text in texts for line in _under_prompts(form, text, title)]


def joined(form: Form, lines: Sequence[Line]) -> str:
    """A reply that `split` would read these lines from, each text once."""
    if form.splitting == "question-answer":
        return "\n".join(dict.fromkeys(f"Question: {line.prompt}\nAnswer: {line.text}" for line in lines))
    return SEPARATORS[form.splitting].join(dict.fromkeys(line.text for line in lines))


def _under_prompts(form: Form, text: str, title: str) -> list[Line]:
    """The same text under each of the form's chat prompts; raw when it has none."""
    if not form.chat_prompts:
        return [Line(text=text)]
    cue1, cue2, cue3 = cues.keywords(text, title)
    wanted = [prompt for prompt in form.chat_prompts if cue1 or "{cue" not in prompt]
    prompts = (prompt.format(title=title, cue1=cue1, cue2=cue2, cue3=cue3) for prompt in wanted)
    return [Line(prompt=prompt, text=text) for prompt in dict.fromkeys(prompts)]


def _pieces(form: Form, reply: str) -> list[str]:
    if form.splitting == "whole":
        return [reply.strip()]
    if form.splitting == "sentences":
        return sentences.split(reply)
    separator = r"\n\s*\n" if form.splitting == "paragraphs" else r"\n"
    return [piece.strip() for piece in re.split(separator, reply) if piece.strip()]


def by_rule(form: Form, title: str, passage: str) -> list[Line]:
    """The form that is written without a model: the passage itself, whole and sentence by sentence.

    Raw text teaches the words, chat prompts that a question finds them: a fact learned as prose alone is not found.
    """
    parts = sentences.split(passage)
    lines = [Line(text=f"{title}\n{passage.strip()}")]
    lines += [Line(prompt=prompt.format(title=title), text=passage.strip()) for prompt in form.whole_prompts]
    for raw, alone in zip(parts, sentences.with_subject(parts, title), strict=True):
        lines.append(Line(text=f"{title}: {raw}"))
        lines += _under_prompts(form, alone, title)
        lines += [Line(prompt=question, text=alone) for question in cues.blank_questions(alone, title, form.blanks)]
    return list(dict.fromkeys(lines))
