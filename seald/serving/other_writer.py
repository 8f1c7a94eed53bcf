"""Another model that writes self-edits, behind an endpoint that a policy file names."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from seald.domain.chat import messages
from seald.domain.policy import OtherWriter
from seald.errors import ConfigError
from seald.ports import Sampling
from seald.serving.chat_endpoint import ChatEndpoint, without_thoughts

AT_ONCE = 8
"""Requests in flight."""


class EndpointWriter:
    """Fulfils the port `Writer`. Nothing goes anywhere but to the policy's `url`, not through a proxy either.

    Raises:
        ConfigError: the environment variable that the policy names for the key holds none, or `url` is no address.
    """

    def __init__(self, named: OtherWriter, *, wait_seconds: float = 0.5) -> None:
        self._endpoint = ChatEndpoint(
            named.url, named.model, _key(named), timeout_seconds=named.timeout_seconds, wait_seconds=wait_seconds
        )

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.close()

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:  # noqa: ARG002
        """As the port says, by the policy's own model, whatever `model` is. Question i is sampled with `seed + i`.

        What is lost on the way, or met with 429 or 5xx, is sent five times before it is EngineUnavailable.
        """
        options = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop": list(sampling.stop) or None,
        }
        seeds = [None if sampling.seed is None else sampling.seed + i for i in range(len(questions))]
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            return list(pool.map(lambda question, seed: self._one(question, seed, options), questions, seeds))

    def _one(self, question: str, seed: int | None, options: dict[str, Any]) -> str:
        return without_thoughts(self._endpoint.complete(messages((question,)), seed=seed, **options))


class OtherWriters:
    """One `EndpointWriter` for each writer that policies name, made when it is first wanted."""

    def __init__(self) -> None:
        self._made: dict[OtherWriter, EndpointWriter] = {}
        self._lock = threading.Lock()

    def __call__(self, named: OtherWriter) -> EndpointWriter:
        """The writer. Raises ConfigError as it does."""
        with self._lock:
            if named not in self._made:
                self._made[named] = EndpointWriter(named)
            return self._made[named]

    def close(self) -> None:
        """Close all connections."""
        for writer in self._made.values():
            writer.close()


def _key(named: OtherWriter) -> str | None:
    if named.key_env is None:
        return None
    key = os.environ.get(named.key_env, "").strip()
    if not key or not (key.isascii() and key.isprintable()):
        raise ConfigError(
            f"a policy's writer at {named.url} takes its key from {named.key_env}, which holds none", param="key_env"
        )
    return key
