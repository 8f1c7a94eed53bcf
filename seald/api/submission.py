"""What a client may hand in as a document: JSON with its text, or a form with a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from starlette.datastructures import FormData, UploadFile

from seald.api.bodies import JSON, MULTIPART, media_type, parse_json, read_object, validate
from seald.api.errors import SchemaViolation
from seald.api.services import Ingested, Ingesting, Wired
from seald.domain.document import check_collection
from seald.errors import InvalidRequest, UnsupportedDocument
from seald.pipeline.ingest import NOT_A_NAME

JSON_FIELDS = ("probes", "metadata")

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class NewProbe(BaseModel):
    """A held-out question with its answer."""

    model_config = ConfigDict(strict=True, extra="forbid")

    question: Words
    answer: Words


Probes = Annotated[
    list[NewProbe],
    WithJsonSchema(
        {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["question", "answer"],
                "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
            },
        }
    ),
]


class _Fields(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    collection: str = "default"
    source: str | None = Field(None, max_length=2000)
    supersedes: str | None = Field(None, max_length=200)
    probes: Probes = []
    metadata: dict[str, Any] = {}

    def common(self) -> dict[str, Any]:
        """The arguments that text and files share."""
        return {
            "collection": check_collection(self.collection),
            "source": self.source,
            "supersedes": self.supersedes,
            "probes": [(probe.question, probe.answer) for probe in self.probes],
            "metadata": self.metadata,
        }


class NewText(_Fields):
    """A document as JSON."""

    title: Title
    text: str

    def hand_over(self, ingest: Ingesting) -> Ingested:
        """Ingest it."""
        return ingest.text(title=self.title, text=self.text, **self.common())


class FileFields(_Fields):
    """What a form says about its file."""

    title: Title | None = None


@dataclass(frozen=True)
class NewFile:
    """A document as a file."""

    name: str
    content: bytes
    fields: FileFields

    def hand_over(self, ingest: Ingesting) -> Ingested:
        """Ingest it."""
        return ingest.file(name=self.name, content=self.content, title=self.fields.title, **self.fields.common())


async def read_submission(request: Request, services: Wired) -> NewText | NewFile:
    """The body of `POST /v1/documents`, by its content type.

    Raises Draining, UnsupportedDocument (neither JSON nor a form), InvalidRequest or SchemaViolation.
    """
    services.refuse_new_work_while_draining()
    kind = media_type(request)
    if kind == MULTIPART:
        return await _read_form(request, services.settings.server.max_body_bytes)
    if kind in ("", JSON):
        return validate(NewText, await read_object(request))
    raise UnsupportedDocument(
        f"the content type is {kind!r}; send {JSON}, or the file as {MULTIPART}", code="unsupported_media_type"
    )


async def _read_form(request: Request, most: int) -> NewFile:
    try:
        async with request.form(max_files=1, max_fields=16, max_part_size=most) as form:
            return await _from_form(form)
    except UnicodeError:
        # Of a charset that the client names and Python knows, but which its bytes are not in.
        raise InvalidRequest("the form's character set does not fit it; send UTF-8", code="invalid_text") from None


async def _from_form(form: FormData) -> NewFile:
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise SchemaViolation(
            "file is missing: send it as a part 'file' with a filename", param="file", code="missing_field"
        )
    fields = validate(FileFields, _fields(form))
    return NewFile(name=_checked_name(upload.filename or ""), content=await upload.read(), fields=fields)


def _fields(form: FormData) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name in given or (name == "file" and not isinstance(value, UploadFile)):
            raise SchemaViolation(f"{name} is there twice; send it once", param=name)
        given[name] = _read(name, value) if isinstance(value, str) else value
    given.pop("file")
    return given


def _read(name: str, value: str) -> Any:
    return parse_json(value, param=name) if name in JSON_FIELDS else _storable(name, value)


def _storable(param: str, text: str) -> str:
    # The client names a form's character set, and some decode to what is no text.
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        message = f"{param} holds a NUL character or half of a surrogate pair; send UTF-8 text"
        raise InvalidRequest(message, param=param, code="invalid_text")
    return text


def _checked_name(name: str) -> str:
    if not name.strip():
        raise SchemaViolation("the file has no name; its ending says what it is", param="file", code="missing_field")
    if NOT_A_NAME.search(name) or name in (".", ".."):
        raise InvalidRequest(
            f"the file name {name[:200]!r} holds a path or control characters; send the name alone",
            param="file",
            code="invalid_file_name",
        )
    return _storable("file", name)


REQUEST_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": NewText.model_json_schema()},
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        **{name: {"type": "string"} for name in FileFields.model_fields},
                    },
                }
            },
        },
    }
}
"""The body as OpenAPI describes it."""
