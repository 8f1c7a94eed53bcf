"""Files become text in a child process: a parser that loops, bursts or crashes takes nothing else with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import PurePosixPath

from seald.config import Ingest as Limits
from seald.errors import TooLarge, UnreadableDocument, UnsupportedDocument

ENDINGS = (".txt", ".md", ".html", ".htm", ".pdf", ".docx")


class Reader:
    """Runs `parse_worker` once a file, with limits on time, memory and output."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def read(self, name: str, content: bytes) -> tuple[str, str | None]:
        """The file's text, and its first heading or title if it has one.

        Raises:
            UnsupportedDocument, UnreadableDocument, TooLarge: the message says why and what to do.
        """
        ending = PurePosixPath(name.lower()).suffix
        if ending not in ENDINGS:
            raise UnsupportedDocument(
                f"{name}: files ending in {ending or 'nothing'} cannot be read; send one of {', '.join(ENDINGS)}",
                param="file",
            )
        if not content.strip():
            raise UnreadableDocument(f"{name} is empty", param="file")
        answer = self._parse(name, ending, content)
        if "error" in answer:
            raise UnreadableDocument(f"{name}: {answer['error']}", param="file")
        if answer.get("cut"):
            raise TooLarge(
                f"{name} holds more than {self._limits.max_characters} characters of text: split it", param="file"
            )
        return answer["text"], answer.get("title")

    def _parse(self, name: str, ending: str, content: bytes) -> dict[str, str]:
        limits = self._limits
        command = [sys.executable, "-m", "seald.pipeline.parse_worker", ending]
        command += [str(limits.parse_memory_mb), str(int(limits.parse_seconds) + 1), str(limits.max_characters)]
        try:
            done = subprocess.run(
                command, input=content, capture_output=True, timeout=limits.parse_seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise UnreadableDocument(
                f"{name} could not be read within {limits.parse_seconds:.0f} seconds; send its text instead",
                param="file",
            ) from None
        try:
            answer: dict[str, str] = json.loads(done.stdout)
        except ValueError:
            raise UnreadableDocument(
                f"{name} could not be read: its parser ended with code {done.returncode} (out of memory, or a broken "
                "file); send its text instead",
                param="file",
            ) from None
        return answer
