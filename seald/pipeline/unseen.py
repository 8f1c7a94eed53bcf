"""What a page or a text document holds but does not show: it was written for somebody other than its reader."""

from __future__ import annotations

import re
from typing import Any

HIDING = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|opacity:0(?![.\d]*[1-9])|font-size:0(?![.\d]*[1-9])|"
    r"(?:left|top|right|text-indent|margin-left):-\d{3,}|clip:rect\(0|clip-path:inset\((?:50|100)%"
)
COLOUR = re.compile(r"(?:^|;)color:([^;!]+)")
BACKGROUND = re.compile(r"(?:^|;)background(?:-color)?:([^;!]+)")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
WHITE = frozenset({"white", "#fff", "#ffffff", "rgb(255,255,255)", "hsl(0,0%,100%)"})
MOST_RULES = 2000
"""Of a page's own style sheets: so many are looked at."""


def remove_unseen(page: Any) -> None:
    """Take out of a parsed HTML page what its attributes, its inline styles or its own style sheet hide."""
    for selector in _hidden_selectors(page):
        for tag in page.select(selector):
            tag.decompose()
    for tag in page.find_all(_is_hidden):
        if not tag.decomposed:
            tag.decompose()


def remove_hidden_runs(document: Any) -> None:
    """Take hidden text (`w:vanish`) out of a parsed Word document."""
    for mark in list(document.element.body.iter(f"{_WORD}vanish")):
        run = mark.getparent().getparent()
        if run.tag == f"{_WORD}r" and mark.get(f"{_WORD}val") not in ("0", "false", "off"):
            run.getparent().remove(run)


_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def _hidden_selectors(page: Any) -> list[str]:
    """Simple selectors (`.note`, `#x`, `p.note`) of rules that hide; what is more involved is left alone."""
    sheets = " ".join(style.get_text() for style in page("style"))
    rules = RULE.findall(re.sub(r"/\*.*?\*/", "", sheets, flags=re.DOTALL))[:MOST_RULES]
    selectors = [s.strip() for named, body in rules if HIDING.search(_bare(body)) for s in named.split(",")]
    return [s for s in selectors if re.fullmatch(r"[a-zA-Z]*[.#][\w-]+", s)]


def _is_hidden(tag: Any) -> bool:
    style = _bare(str(tag.get("style", "")))
    return tag.has_attr("hidden") or HIDING.search(style) is not None or _is_drawn_in_its_background(tag, style)


def _is_drawn_in_its_background(tag: Any, style: str) -> bool:
    colour = COLOUR.search(style)
    if colour is None:
        return False
    styles = (_bare(str(each.get("style", ""))) for each in (tag, *tag.parents))
    behind = [found[1] for each in styles if (found := BACKGROUND.search(each))]
    return colour[1] == "transparent" or colour[1] in behind[:1] or (colour[1] in WHITE and not behind)


def _bare(style: str) -> str:
    return re.sub(r"\s+", "", style).lower()
