"""Personal data leaves a document before anything of it is hashed, stored or read by the model.

Phone numbers are found by libphonenumber, account and card numbers told from others by their check digits
(python-stdnum), e-mail and IP addresses by their form. Names of persons stay: no rule tells them from those of places.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seald.errors import ConfigError

LIBRARIES = ("phonenumbers", "stdnum")
COUNTED = "scrubbed"
"""Key of a document's metadata: how many of each kind were replaced, in its text and in what was sent with it."""

# As HTML has it, in any script; without the signs of a query, so that `?to=ann@b.org` leaves `?to=`.
EMAIL = re.compile(r"[\w%+'’-][\w.%+'’-]{0,63}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,}")
# The longest that can begin here; what follows the number may have been taken along and is let go again.
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b", re.IGNORECASE)
CARD = re.compile(r"(?<!\w)(?<!\d[ .,-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-])")
IP = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)|(?<![\w.:])[0-9A-F]{0,4}(?::[0-9A-F]{0,4}){2,7}(?![\w:]|\.\d)",
    re.IGNORECASE,
)

Span = tuple[int, int]


def check_scrubbing() -> None:
    """Raise ConfigError when the libraries that find personal data are missing."""
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"scrubbing needs {', '.join(missing)}: pip install 'seald[scrub]', or set ingest.scrub to false",
            param="ingest.scrub",
        )


@dataclass(frozen=True)
class Sent:
    """What a client sent of a document, apart from where it belongs. `probes` are pairs of question and answer."""

    title: str
    text: str
    source: str | None
    probes: Sequence[tuple[str, str]]
    metadata: dict[str, Any]


def scrub(sent: Sent, region: str | None) -> Sent:
    """`sent` with `[email]`, `[phone]`, `[iban]`, `[card]` and `[ip]` in the place of personal data, counted in
    `metadata` under `scrubbed` when there was any. Phone numbers without +49 are found if `region` (`DE`) has such.

    Raises:
        ConfigError: the libraries are missing.
    """
    check_scrubbing()
    found: Counter[str] = Counter()

    def clean(text: str) -> str:
        return _clean(text, region, found)

    cleaned = Sent(
        title=clean(sent.title),
        text=clean(sent.text),
        source=clean(sent.source) if sent.source is not None else None,
        probes=[(clean(question), clean(answer)) for question, answer in sent.probes],
        metadata=_in_strings(sent.metadata, clean),
    )
    if found:
        cleaned.metadata[COUNTED] = dict(sorted(found.items()))
    return cleaned


def _clean(text: str, region: str | None, found: Counter[str]) -> str:
    """Kind after kind, each in what the ones before left: digits of a card are not looked at as a phone number."""
    for kind, spans in (("email", _emails), ("iban", _ibans), ("card", _cards), ("ip", _addresses)):
        text = _replaced(text, kind, spans(text), found)
    return _replaced(text, "phone", _phones(text, region), found)


def _replaced(text: str, kind: str, spans: Iterable[Span], found: Counter[str]) -> str:
    parts, end = [], 0
    for start, stop in spans:
        parts += [text[end:start], f"[{kind}]"]
        end = stop
        found[kind] += 1
    return "".join([*parts, text[end:]])


def _emails(text: str) -> Iterator[Span]:
    return (match.span() for match in EMAIL.finditer(text))


def _ibans(text: str) -> Iterator[Span]:
    from stdnum import iban

    for match in IBAN.finditer(text):
        ends = range(match.end(), match.start() + 14, -1)
        end = next((n for n in ends if text[n - 1] != " " and iban.is_valid(text[match.start() : n])), None)
        if end is not None:
            yield match.start(), end


def _cards(text: str) -> Iterator[Span]:
    from stdnum import luhn

    return (match.span() for match in CARD.finditer(text) if luhn.is_valid(re.sub(r"\D", "", match.group())))


def _addresses(text: str) -> Iterator[Span]:
    return (match.span() for match in IP.finditer(text) if _is_address(match.group()))


def _is_address(text: str) -> bool:
    try:
        return not ipaddress.ip_address(text).is_unspecified
    except ValueError:
        return False


def _phones(text: str, region: str | None) -> Iterator[Span]:
    import phonenumbers

    return ((match.start, match.end) for match in phonenumbers.PhoneNumberMatcher(text, region))


def _in_strings(value: Any, clean: Callable[[str], str]) -> Any:
    """A copy of a JSON value with every string in it cleaned, keys too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _in_strings(inner, clean) for key, inner in value.items()}
    return [_in_strings(inner, clean) for inner in value] if isinstance(value, list) else value
