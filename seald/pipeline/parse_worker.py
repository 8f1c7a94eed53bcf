"""`python -m seald.pipeline.parse_worker ENDING MEGABYTES SECONDS CHARACTERS`: bytes in, JSON out, within limits."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

MAGIC = {".pdf": b"%PDF-", ".docx": b"PK\x03\x04"}


class Unreadable(Exception):
    """The file cannot be read; the message says why and what to do."""


def main(ending: str, megabytes: int, seconds: int, characters: int) -> None:
    """Parse standard input and print `{text, title, cut}` or `{error}`."""
    content = sys.stdin.buffer.read()
    _limit(megabytes, seconds)
    try:
        text, title = PARSERS[ending](content, ending)
        if not any(c.isalnum() for c in text):
            raise Unreadable("it holds no text (a scan?); send a version with text in it")
        answer: dict[str, Any] = {"text": text[:characters], "title": title, "cut": len(text) > characters}
    except Unreadable as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": f"reading it takes more than {megabytes} MB; send its text instead"}
    except Exception as error:  # a broken file may break a parser in any way
        answer = {"error": f"it is broken ({type(error).__name__}); save it again, or send its text instead"}
    json.dump(answer, sys.stdout)


def _limit(megabytes: int, seconds: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    size = megabytes * 1024 * 1024
    if sys.platform == "linux":  # elsewhere the limit is not enforced, or counts what is only reserved
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _plain(content: bytes, _ending: str) -> tuple[str, str | None]:
    return _decode(content), None


def _markdown(content: bytes, _ending: str) -> tuple[str, str | None]:
    from markdown_it import MarkdownIt

    return _html(MarkdownIt("commonmark").enable("table").render(_decode(content)).encode(), ".html")


def _html(content: bytes, _ending: str) -> tuple[str, str | None]:
    from bs4 import BeautifulSoup, Tag

    from seald.pipeline.unseen import remove_unseen

    page = BeautifulSoup(_decode(content), "lxml")
    remove_unseen(page)
    for tag in page(["script", "style", "noscript", "template", "iframe", "svg", "head"]):
        if tag.name != "head":
            tag.decompose()
    heading = page.find(["h1", "h2", "title"])
    title = heading.get_text(" ", strip=True) if isinstance(heading, Tag) else None
    body = page.body or page
    blocks = [_block_text(block) for block in body.find_all(BLOCKS) if not block.find(BLOCKS)]
    return "\n".join(block for block in blocks if block) or body.get_text("\n", strip=True), title


BLOCKS = ["p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "pre", "blockquote", "dt", "dd", "div", "caption"]


def _block_text(block: Any) -> str:
    return " ".join(block.get_text(" ").split())


def _pdf(content: bytes, ending: str) -> tuple[str, str | None]:
    from pypdf import PdfReader

    _require_magic(content, ending)
    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("it is encrypted; remove the password and send it again")
    title = reader.metadata.title if reader.metadata else None
    return "\n\n".join(page.extract_text() for page in reader.pages), title


def _docx(content: bytes, ending: str) -> tuple[str, str | None]:
    import docx
    from docx.table import Table

    from seald.pipeline.unseen import remove_hidden_runs

    _require_magic(content, ending)
    _require_small_archive(content)
    document = docx.Document(io.BytesIO(content))
    remove_hidden_runs(document)
    parts = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            parts += [" ".join(dict.fromkeys(cell.text for cell in row.cells)) for row in block.rows]
        else:
            parts.append(block.text)
    return "\n".join(part for part in parts if part.strip()), document.core_properties.title or None


def _require_small_archive(content: bytes) -> None:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > 100 * max(len(content), 1024 * 1024):
        raise Unreadable("it unpacks to over a hundred times its size; it is not read")


def _require_magic(content: bytes, ending: str) -> None:
    if MAGIC[ending] not in content[:1024]:
        if content.startswith(b"\xd0\xcf\x11\xe0"):
            raise Unreadable("it is encrypted, or of an older format; save it again without a password")
        raise Unreadable(f"it is not what its ending {ending} says; check the file")


def _decode(content: bytes) -> str:
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encoding = next((name for mark, name in marks.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable("it is not text in UTF-8 or UTF-16; convert it, or send another format") from None
    if "\x00" in text:
        raise Unreadable("it is binary, not text; check the file")
    return text


PARSERS = {".txt": _plain, ".md": _markdown, ".html": _html, ".htm": _html, ".pdf": _pdf, ".docx": _docx}

if __name__ == "__main__":
    main(sys.argv[1], *(int(argument) for argument in sys.argv[2:5]))
