"""`seald chat`: one question, or a conversation."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seald.cli.client import DEFAULT_URL, Daemon, Refused, Url, say


def chat(
    message: Annotated[str | None, typer.Argument(help="One question; without it a conversation begins.")] = None,
    model: Annotated[
        str, typer.Option(help="seald, seald:<collection>[@<n>], seald:task/<name>[@<n>] or base.")
    ] = "seald",
    max_tokens: Annotated[int, typer.Option(min=1)] = 256,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.0,
    url: Url = DEFAULT_URL,
) -> None:
    """Talk to the model."""
    daemon = Daemon(url)
    turns: list[dict[str, str]] = []
    options = {"model": model, "max_tokens": max_tokens, "temperature": temperature, "stream": True}
    while (said := message if message is not None else _listen()) is not None:
        turns.append({"role": "user", "content": said})
        turns.append({"role": "assistant", "content": _answer(daemon, {**options, "messages": turns})})
        if message is not None:
            return


def _listen() -> str | None:
    try:
        return input("> ") or None
    except EOFError:
        return None


def _answer(daemon: Daemon, body: dict[str, object]) -> str:
    """Print the reply as it comes, then say which version gave it."""
    said, version = "", "?"
    for chunk in daemon.events("/v1/chat/completions", body):
        if "error" in chunk:
            raise Refused(chunk["error"]["message"], code=chunk["error"].get("code"))
        version = chunk.get("system_fingerprint") or version
        for choice in chunk["choices"]:
            part = choice["delta"].get("content") or ""
            said += part
            sys.stdout.write(part)
            sys.stdout.flush()
    sys.stdout.write("\n")
    say(f"[dim]{version}[/dim]")
    return said
