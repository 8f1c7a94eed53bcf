"""Writing that a reader does not see for what it is: invisible characters, lookalike letters, encoded text.

`readings` gives what a text says once such disguises are taken off; nothing of it is ever trained on or shown.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Of category Cf, yet drawn: signs that span the numbers after them."""
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\u180b\u180c\u180d\u180f")
"""Letters and marks that draw nothing (Hangul and Khmer fillers, empty Braille, …)."""
SEPARATORS = {"\u2028": "\n", "\u2029": "\n\n"}

# Cyrillic, Greek and a few more letters that are drawn like Latin ones, after case folding (of Unicode's confusables).
_DRAWN_ALIKE = (
    "аaеeоoрpсcуyхxіiјjѕsһhԁdԛqԝwкkмmтtвbнhгrпnиuѵvӏlαaβbεeηnιiκkνvοoρpτtυuχxωwγyσoςcμmѡwɑaɡgıiɩiʟlոnսuօoցgհhքpеeոn"
)
CONFUSABLE = str.maketrans(dict(zip(_DRAWN_ALIKE[::2], _DRAWN_ALIKE[1::2], strict=True)))
PLAIN_QUOTES = str.maketrans("‘’‚‛“”„‟«»`´", "''''\"\"\"\"\"\"''")
LEET = str.maketrans("013457@$!", "oieastasi")
LEET_WORD = re.compile(r"(?<![\w@$!])(?=[\w@$!]*[a-z])(?=[\w@$!]*[\d@$!][\w@$!])[\w@$!]{2,}")
SPACED = re.compile(r"(?<!\w)(?:[^\W_][ ._*·-]){3,}[^\W_](?!\w)")
EMPHASIS = re.compile(r"[*~]+|(?<!\w)_+|_+(?!\w)")
BLOB = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
LEAST_SIGNS = 8
"""A run of fewer different ones is a rule across the page."""
LONGEST_BLOB = 200
"""An unbroken run of so many letters and digits is no word of any text, whatever it decodes to."""


def strip_invisible(text: str) -> str:
    """`text` without format characters, variation selectors, tags and fillers: they hide things and carry nothing."""
    found = {ord(c): SEPARATORS.get(c, "") for c in set(text) if c in SEPARATORS or _is_invisible(c)}
    return text.translate(found) if found else text


def readings(text: str) -> tuple[str, ...]:
    """What `text` may be read as, in lower case, spaces single, line breaks kept: plainly, with lookalikes as the
    letters they look like, with digits as letters, with spaced letters joined. Distinct, the plain one first."""
    seen = unicodedata.normalize("NFKC", strip_invisible(text)).casefold().translate(PLAIN_QUOTES)
    plain = EMPHASIS.sub("", seen)
    folded = _without_marks(plain).translate(CONFUSABLE)
    leet = LEET_WORD.sub(lambda word: word.group().translate(LEET), folded)
    joined = SPACED.sub(lambda run: re.sub(r"[^a-z0-9]", "", run.group()), _without_marks(seen).translate(CONFUSABLE))
    return tuple(dict.fromkeys(_single_spaced(each) for each in (plain, folded, leet, joined)))


def encodes_text(text: str) -> bool:
    """Whether a run of letters and digits in `text` is words in base64 or hex, or too long to be anything else."""
    return any(
        (len(run) >= LONGEST_BLOB and len(set(run)) > LEAST_SIGNS) or _decodes(run)
        for run in BLOB.findall(unicodedata.normalize("NFKC", text))
    )


def _is_invisible(c: str) -> bool:
    point = ord(c)
    if 0xFE00 <= point <= 0xFE0F or 0xE0000 <= point <= 0xE0FFF:  # variation selectors, tags
        return True
    return c in BLANK or (unicodedata.category(c) == "Cf" and c not in VISIBLE_FORMATS)


def _without_marks(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _single_spaced(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def _decodes(run: str) -> bool:
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", run):
        return _is_prose(bytes.fromhex(run))
    run = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _is_prose(base64.b64decode(run[: len(run) - (len(run) % 4 == 1)] + "=" * (-len(run) % 4)))
    except (binascii.Error, ValueError):
        return False


def _is_prose(content: bytes) -> bool:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.isprintable() and sum(c.isalpha() or c == " " for c in text) >= 0.8 * len(text)
