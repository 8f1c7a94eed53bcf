"""The first step of a document's path: what a client sent becomes a stored document with a queued adaptation."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from semantic_text_splitter import TextSplitter
from tokenizers import Tokenizer

from seald.config import Ingest as Limits
from seald.domain.adaptation import Adaptation
from seald.domain.document import Document, Passage, check_collection, content_hash, document_id
from seald.domain.probe import Probe, probe_id
from seald.errors import InvalidRequest, TooLarge, UnreadableDocument
from seald.pipeline.reading import Reader
from seald.pipeline.scrub import Sent, scrub
from seald.policy.hidden import strip_invisible
from seald.ports import Clock, DocumentStore

MOST_TITLE = 200
MOST_PROBE = 1000
MOST_METADATA_BYTES = 16 * 1024
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""And halves of surrogate pairs, which a PDF's fonts may name: no text can be made of them."""

NOT_A_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")
"""Path parts and control characters."""

Ingested = tuple[Document, Adaptation, bool]


class Ingest:
    """Takes documents as text or as files. Nothing is stored unless all of it is right."""

    def __init__(
        self,
        documents: DocumentStore,
        tokenizer: Path,
        limits: Limits,
        clock: Clock,
        scrubs: Callable[[str], bool] | None = None,
    ) -> None:
        """`scrubs` says of a collection whether its documents are scrubbed; without it, `limits` says so of all."""
        self._documents = documents
        self._tokenizer = tokenizer
        self._limits = limits
        self._clock = clock
        self._reader = Reader(limits)
        self._scrubs = scrubs or (lambda _: limits.scrub)

    def text(
        self,
        *,
        title: str,
        text: str,
        collection: str = "default",
        source: str | None = None,
        supersedes: str | None = None,
        probes: Sequence[tuple[str, str]] = (),
        metadata: dict[str, Any] | None = None,
    ) -> Ingested:
        """Store a document that came as text; the flag says whether it is new.

        Raises:
            InvalidRequest, UnreadableDocument, TooLarge: the message says what to change.
            NotFound: `supersedes` names no document of the collection.
            ConfigError: its personal data is to be scrubbed, and the libraries for that are missing.
        """
        sent = Sent(check_title(title), normalise(text), source, probes, metadata or {})
        if self._scrubs(check_collection(collection)):
            sent = scrub(sent, self._limits.phone_region)
        self._require_readable(sent.text)
        sha256 = content_hash(sent.text)
        document = Document(
            id=document_id(collection, sha256),
            collection=collection,
            title=check_title(sent.title),
            text=sent.text,
            sha256=sha256,
            source=normalise(sent.source) if sent.source is not None else None,
            supersedes=supersedes,
            metadata=_checked_metadata(sent.metadata),
            passages=self._passages(sent.text),
            created=self._clock.now(),
        )
        return self._documents.add(document, self._probes(document, sent.probes))

    def file(self, *, name: str, content: bytes, title: str | None = None, **rest: Any) -> Ingested:
        """Store a document that came as a file; its ending says what it is. `rest` is that of `text`.

        Raises:
            UnsupportedDocument: no parser for this ending. Else as `text`.
        """
        label = check_file_name(name)
        if len(content) > self._limits.max_bytes:
            raise TooLarge(f"{label} has {len(content)} bytes; the limit is {self._limits.max_bytes}", param="file")
        text, heading = self._reader.read(label, content)
        chosen = title or _shortened(heading) or PurePosixPath(label).stem
        return self.text(title=chosen, text=text, **{"source": label, **_given(rest)})

    def _require_readable(self, text: str) -> None:
        if not any(c.isalnum() for c in text):
            raise UnreadableDocument("the document holds no text; send one with words in it", param="text")
        if len(text) > self._limits.max_characters:
            raise TooLarge(
                f"the document has {len(text)} characters; the limit is {self._limits.max_characters}: split it",
                param="text",
            )

    def _passages(self, text: str) -> tuple[Passage, ...]:
        pieces = self._splitter.chunk_indices(text)
        return tuple(
            Passage(index=n, text=piece, start=start, end=start + len(piece)) for n, (start, piece) in enumerate(pieces)
        )

    @cached_property
    def _splitter(self) -> TextSplitter:
        tokenizer = Tokenizer.from_file(str(self._tokenizer))
        return TextSplitter.from_huggingface_tokenizer(tokenizer, self._limits.passage_tokens)

    def _probes(self, document: Document, pairs: Sequence[tuple[str, str]]) -> list[Probe]:
        if len(pairs) > self._limits.max_probes:
            raise InvalidRequest(f"{len(pairs)} probes; at most {self._limits.max_probes} can be taken", param="probes")
        made = {}
        for place, (question, answer) in enumerate((normalise(q), normalise(a)) for q, a in pairs):
            if not question or not answer or max(len(question), len(answer)) > MOST_PROBE:
                raise InvalidRequest(
                    f"probe {place} needs a question and an answer of 1 to {MOST_PROBE} characters",
                    param=f"probes.{place}",
                )
            probe = client_probe(document, question, answer)
            made[probe.id] = probe
        return list(made.values())


def normalise(text: str) -> str:
    """NFC, line feeds only, without control and invisible characters, without spaces at line ends."""
    text = CONTROL.sub("", strip_invisible(text.replace("\r\n", "\n").replace("\r", "\n")))
    text = unicodedata.normalize("NFC", text)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def check_title(title: str) -> str:
    """The title on one line, or InvalidRequest when it is empty or too long."""
    one_line = " ".join(normalise(title).split())
    if not 1 <= len(one_line) <= MOST_TITLE:
        raise InvalidRequest(f"title must have 1 to {MOST_TITLE} characters", param="title")
    return one_line


def check_file_name(name: str) -> str:
    """A client's file name is only a label: one with path parts or control characters is refused."""
    if not name or len(name) > 255 or name in (".", "..") or NOT_A_NAME.search(name):
        raise InvalidRequest("the file's name must be a plain name without path or control characters", param="file")
    return name


def _checked_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata)) > MOST_METADATA_BYTES:
        raise InvalidRequest(f"metadata may have at most {MOST_METADATA_BYTES} bytes as JSON", param="metadata")
    return metadata


def _shortened(heading: str | None) -> str | None:
    return " ".join(heading.split())[:MOST_TITLE] or None if heading else None


def _given(rest: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rest.items() if value is not None}


def client_probe(document: Document, question: str, answer: str) -> Probe:
    """A question that came with the document."""
    return Probe(
        id=probe_id(document.id, question, answer),
        collection=document.collection,
        document_id=document.id,
        kind="question",
        question=question,
        answer=answer,
        origin="client",
    )
