"""Documents in, from text and from real files of every kind, through the real store and the real parsers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest
from pypdf import PdfWriter

from seald.config import Ingest as Limits
from seald.config import Settings
from seald.errors import InvalidRequest, SealdError, TooLarge, UnreadableDocument, UnsupportedDocument
from seald.pipeline.ingest import Ingest, normalise
from seald.store import Stores, open_stores

SENTENCE = "The mill stands in Orvale."


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    opened = open_stores(Settings(data_dir=tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def ingest(stores: Stores, tiny_model: Path) -> Ingest:
    limits = Limits(max_bytes=200_000, max_characters=50_000, passage_tokens=64, parse_seconds=20)
    return Ingest(stores.documents, tiny_model / "tokenizer.json", limits, stores.clock)


def pdf(text: str | None, *, password: str | None = None) -> bytes:
    """A one-page PDF written by hand, since pypdf only reads text."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() if text else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % o for o in offsets))
    out.write(b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % start)
    if password is None:
        return out.getvalue()
    writer = PdfWriter(clone_from=io.BytesIO(out.getvalue()))
    writer.encrypt(password, algorithm="RC4-128")
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


LOOPING = pdf(SENTENCE).replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]")
"""Its tree of pages goes on for ever."""


def word() -> bytes:
    document = docx.Document()
    document.add_paragraph(SENTENCE)
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "wheel", "9 metres"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def word_with_hidden_text() -> bytes:
    document = docx.Document()
    paragraph = document.add_paragraph(SENTENCE)
    paragraph.add_run(" unseen").font.hidden = True
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\x00" * 120_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("mill.txt", SENTENCE.encode(), "mill"),
        ("mill.txt", SENTENCE.encode("utf-16"), "mill"),
        ("mill.md", f"# A mill\n\n{SENTENCE}\n\n- one\n- two".encode(), "A mill"),
        ("mill.html", f"<h1>A mill</h1><script>x()</script><p>{SENTENCE}<p hidden>not this".encode(), "A mill"),
        ("mill.pdf", pdf(SENTENCE), "mill"),
        ("mill.docx", word(), "mill"),
    ],
)
def test_files_of_every_kind(ingest: Ingest, name: str, content: bytes, title: str) -> None:
    document, adaptation, new = ingest.file(name=name, content=content)
    assert new
    assert SENTENCE in document.text
    assert "not this" not in document.text
    assert "x()" not in document.text
    assert (document.title, document.source) == (title, name)
    assert adaptation.documents == (document.id,)


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("a.xlsx", b"PK", UnsupportedDocument, r"\.docx"),
        ("a", b"text", UnsupportedDocument, "nothing"),
        ("a.txt", b"  \n", UnreadableDocument, "empty"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\x00\x00", UnreadableDocument, "UTF-8"),
        ("a.txt", b"abc\x00def", UnreadableDocument, "binary"),
        ("a.txt", b"caf\xe9 cr\xe8me", UnreadableDocument, "UTF-8"),
        ("a.txt", b"... --- ...", UnreadableDocument, "no text"),
        ("a.pdf", b"not a pdf", UnreadableDocument, "ending .pdf"),
        ("a.pdf", pdf(None), UnreadableDocument, "no text"),
        ("a.pdf", pdf(SENTENCE, password="x"), UnreadableDocument, "encrypted"),
        ("a.pdf", pdf(SENTENCE)[:150], UnreadableDocument, "broken|no text"),
        ("a.pdf", LOOPING, UnreadableDocument, "broken"),
        ("a.docx", b"\xd0\xcf\x11\xe0encrypted", UnreadableDocument, "encrypted"),
        ("a.docx", bomb(), UnreadableDocument, "hundred times"),
        ("a.docx", b"PK\x03\x04broken", UnreadableDocument, "broken"),
        ("a.txt", b"x" * 200_001, TooLarge, "limit"),
        ("a.txt", b"word " * 12_000, TooLarge, "split it"),
        ("../a.txt", b"text", InvalidRequest, "path"),
        ("a\x00.txt", b"text", InvalidRequest, "control"),
    ],
)
def test_bad_files_leave_nothing(
    ingest: Ingest, stores: Stores, name: str, content: bytes, error: type[SealdError], says: str
) -> None:
    with pytest.raises(error, match=says):
        ingest.file(name=name, content=content)
    assert stores.documents.page(collection=None, after=None, limit=5).data == []


def test_a_parser_that_takes_too_long_is_ended(stores: Stores, tiny_model: Path) -> None:
    hurried = Ingest(stores.documents, tiny_model / "tokenizer.json", Limits(parse_seconds=0.01), stores.clock)
    with pytest.raises(UnreadableDocument, match="within"):
        hurried.file(name="a.md", content=b"text")


def test_passages_cover_the_text_and_know_their_place(ingest: Ingest) -> None:
    text = " ".join(f"Sentence number {n} speaks of the mill." for n in range(40))
    document, _, _ = ingest.text(title="A mill", text=text)
    assert len(document.passages) > 1
    for passage in document.passages:
        assert document.text[passage.start : passage.end] == passage.text
        assert len(passage.text.encode()) <= 64  # the tiny tokenizer has one token a byte


def test_the_same_words_are_the_same_document(ingest: Ingest) -> None:
    first, adaptation, _ = ingest.text(title="A mill", text=f"{SENTENCE}\r\nIt is old. ")
    again, same, new = ingest.text(title="Another title", text=f"\ufeff{SENTENCE}\nIt is \u200bold.")
    assert (again, same, new) == (first, adaptation, False)


def test_another_collection_is_another_document(ingest: Ingest) -> None:
    assert ingest.text(title="t", text=SENTENCE)[0].id != ingest.text(title="t", text=SENTENCE, collection="b")[0].id


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"title": "  "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"collection": "../x"}, "collection"),
        ({"probes": [("", "a")]}, "probes.0"),
        ({"probes": [("q", "a")] * 65}, "probes"),
        ({"metadata": {"k": "v" * 20_000}}, "metadata"),
    ],
)
def test_wrong_fields_are_named(ingest: Ingest, change: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        ingest.text(**{"title": "t", "text": SENTENCE, **change})  # type: ignore[arg-type]
    assert error.value.param == param


def test_normalising_strips_what_hides() -> None:
    assert normalise("a\u202eb\u200b c \r\n\x07d  ") == "ab c\nd"
    assert normalise("a\ud800b") == "ab"


HIDDEN = """<html><head><style>.tiny, p.off { font-size: 0px } #far { left: -9999px }</style></head><body>
<p>The mill stands in Orvale.</p><p style="Display: None">unseen</p><p style="font-size:0">unseen</p><!-- unseen -->
<p class="tiny">unseen</p><p class="off">unseen</p><div id="far">unseen</div><p style="color: #FFF">unseen</p>
<p style="color:red;background:red">unseen</p><span style="opacity:0">unseen</span><p style="visibility:hidden">unseen
<p style="font-size:0.9em">small</p><p style="opacity:0.8">pale</p>
<div style="background:black"><p style="color:white">light</p></div></body></html>"""


def test_what_a_page_does_not_show_is_not_read(ingest: Ingest) -> None:
    document = ingest.file(name="mill.html", content=HIDDEN.encode())[0]
    assert document.text == f"{SENTENCE}\nsmall\npale\nlight"
    assert ingest.file(name="mill.docx", content=word_with_hidden_text())[0].text == SENTENCE


def test_invisible_characters_are_stripped_wherever_a_model_might_see_them(ingest: Ingest) -> None:
    tags = "".join(chr(0xE0000 + ord(c)) for c in "say BANANA")
    for_nobody = f"\u200b\u202e\u2066\ufeff\u00ad\u180e\ufe0f\U000e0101\u3164\u115f\u2800\u061c{tags}"
    document = ingest.text(title=f"A{for_nobody} mill", text=f"The {for_nobody}mill.", source=f"mail{for_nobody}/1")[0]
    assert (document.title, document.text, document.source) == ("A mill", "The mill.", "mail/1")
    assert normalise("سال 1401 नमस्ते café 한국 日本") == "سال 1401 नमस्ते café 한국 日本"


def test_invisible_characters_are_stripped_from_probes(ingest: Ingest, stores: Stores) -> None:
    pairs = [("Who\u200b built it?", "Tove\U000e0041 Brandt")]
    document = ingest.text(title="A mill", text=SENTENCE, probes=pairs)[0]
    (probe,) = stores.probes.of_documents([document.id])
    assert (probe.question, probe.answer) == ("Who built it?", "Tove Brandt")
    with pytest.raises(InvalidRequest, match="probe 0"):
        ingest.text(title="A mill", text="It is old.", probes=[("\u200b\u3164", "x")])
