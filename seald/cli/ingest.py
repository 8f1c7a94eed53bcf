"""`seald ingest`: files and folders into a collection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Refused, Url, progress, say, show_list
from seald.cli.follow import follow
from seald.pipeline.reading import ENDINGS


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders to search for documents.")],
    collection: Annotated[str, typer.Option(help="The collection that is to know them.")] = "default",
    wait: Annotated[bool, typer.Option("--wait", help="Follow every document to its end.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Send documents to be learned; their source is the path as it is given here. Exit code 1 if one was refused or,
    with --wait, not promoted."""
    daemon = Daemon(url)
    results = [_send(daemon, file, collection) for file in _files(paths)]
    if not results:
        raise Refused(f"no document found; seald reads {', '.join(sorted(ENDINGS))}", code="nothing_found")
    accepted = [result for result in results if result["adaptation"] is not None]
    if wait and accepted:
        ended = follow(daemon, {result["adaptation"]: Path(result["file"]).name for result in accepted})
        for result in accepted:
            result.update(status=ended[result["adaptation"]]["status"], error=ended[result["adaptation"]]["error"])
    columns = {"file": "file", "document": "id", "adaptation": "adaptation", "status": "status"}
    show_list(f"{len(results)} documents", results, columns, as_json=as_json)
    good = [r for r in results if r["adaptation"] is not None and (not wait or r["status"] == "promoted")]
    raise typer.Exit(0 if len(good) == len(results) else 1)


def _files(paths: Sequence[Path]) -> list[Path]:
    """Named files as they are; folders searched for known endings, hidden files left out."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in ENDINGS)
            found += [p for p in inside if not any(part.startswith(".") for part in p.relative_to(path).parts)]
        elif path.is_file():
            found.append(path)
        else:
            raise typer.BadParameter(f"{path} is not there")
    return found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror or error}", code="unreadable_file") from None


def _send(daemon: Daemon, file: Path, collection: str) -> dict[str, Any]:
    with progress.status(f"sending {file}"):
        try:
            about = {"collection": collection, "source": file.as_posix()}
            document = daemon.post("/v1/documents", files={"file": (file.name, _read(file))}, data=about)
        except Refused as refusal:
            if refusal.code == "unreachable":
                raise
            say(f"[red]{refusal.code}[/red]: {escape(refusal.message)}")
            error = {"message": refusal.message, "code": refusal.code}
            return {"file": str(file), "id": None, "adaptation": None, "status": "refused", "error": error}
    return {
        "file": str(file),
        "id": document["id"],
        "adaptation": document["adaptation"],
        "status": document["status"],
        "error": None,
    }
