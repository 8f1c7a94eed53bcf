"""The daemon as the commands see it: where it is, how it says no, and how its answers are shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seald.errors import SealdError

Url = Annotated[str, typer.Option("--url", envvar="SEALD_URL", help="Where the daemon answers.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's object and nothing else.")]
Reason = Annotated[str | None, typer.Option(help="Written into the audit, for good: quote no document.")]
DEFAULT_URL = "http://127.0.0.1:8000"

screen = Console()
progress = Console(stderr=True)


class Refused(SealdError):
    """The daemon answered with an error or with what is no JSON, did not answer, or could not be asked."""


class Daemon:
    """A client of one daemon.

    Making one and every method raise Refused, with the API's own message and code where there are any.
    """

    def __init__(self, url: str) -> None:
        key = os.environ.get("SEALD_API_KEY")
        if key and not (key.isascii() and key.isprintable()):
            raise Refused("SEALD_API_KEY is not a key as `seald keys create` prints it", code="invalid_key")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=300.0, trust_env=False)
        self._url = url

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET; parameters that are None are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return _json(self._answer(self._http.build_request("GET", path, params=given)))

    def post(self, path: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
        """The JSON of a POST."""
        return _json(self._answer(self._http.build_request("POST", path, json=body, **more)))

    def delete(self, path: str, **params: Any) -> Any:
        """The JSON of a DELETE; parameters that are None are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return _json(self._answer(self._http.build_request("DELETE", path, params=given)))

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON of a PUT."""
        return _json(self._answer(self._http.build_request("PUT", path, json=body)))

    def all(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Every element of a paged list."""
        found: list[dict[str, Any]] = []
        more = True
        while more:
            page = self.get(path, after=found[-1]["id"] if found else None, limit=100, **params)
            found += page["data"]
            more = page["has_more"] and page["data"]
        return found

    def events(self, path: str, body: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """The data of server-sent events, of a GET or (with a body) of a POST, until the stream ends."""
        request = self._http.build_request(
            "GET" if body is None else "POST", path, json=body, headers={"accept": "text/event-stream"}
        )
        answer = self._answer(request, stream=True)
        try:
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    yield json.loads(line.removeprefix("data: "))
        except httpx.HTTPError as error:
            raise Refused(f"the stream broke off: {error}", code="unreachable") from error
        finally:
            answer.close()

    def _answer(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        try:
            answer = self._http.send(request, stream=stream)
            if answer.status_code >= 400:
                answer.read()
        except httpx.HTTPError as error:
            raise Refused(
                f"no daemon answers at {self._url} ({error or type(error).__name__}); start one with `seald serve`, or "
                "name another with --url",
                code="unreachable",
            ) from None
        if answer.status_code >= 400:
            raise _refusal(answer)
        return answer


def say(message: str) -> None:
    """A line for the person, on standard error."""
    progress.print(message, highlight=False, soft_wrap=True)


def because(reason: str | None) -> dict[str, Any] | None:
    """The body that gives a reason; None where there is none."""
    return None if reason is None else {"reason": reason}


def show_json(value: Any) -> None:
    """The API's object on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show_list(title: str, rows: list[dict[str, Any]], columns: dict[str, str], *, as_json: bool) -> None:
    """A whole list: the API's list object, or a table of `rows`."""
    if as_json:
        show_json({"object": "list", "data": rows, "has_more": False})
    else:
        show_table(title, rows, columns)


def show_table(title: str, rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
    """A table of `rows`: heading → key."""
    table = Table(title=title, title_justify="left")
    for heading in columns:
        table.add_column(heading, overflow="fold")
    for row in rows:
        # Not markup: brackets in what is shown are its own.
        table.add_row(*(Text("" if row.get(key) is None else str(row[key])) for key in columns.values()))
    screen.print(table)


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise Refused(f"{answer.request.url} answered with no JSON; is it a seald daemon?", code="not_json") from None


def _refusal(answer: httpx.Response) -> Refused:
    try:
        error = answer.json()["error"]
        hint = " (commands take theirs from SEALD_API_KEY)" if answer.status_code == 401 else ""
        return Refused(error["message"] + hint, code=error.get("code") or error["type"])
    except (ValueError, KeyError, TypeError):
        return Refused(f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}", code="http_error")
