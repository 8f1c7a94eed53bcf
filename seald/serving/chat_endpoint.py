"""Any OpenAI-compatible `/chat/completions`, asked synchronously: a judge, or another model that writes."""

from __future__ import annotations

import re
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from seald.errors import ConfigError, EngineRefused, EngineUnavailable

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 20.0
SAID = 300
"""Characters of what an endpoint says beside its status."""


class ChatEndpoint:
    """`url` is the API's root, as in `http://127.0.0.1:8001/v1`. Safe to use from several threads.

    A lost connection, 429 and 5xx are tried again, with random exponential waits from `wait_seconds` on. Nothing is
    sent to where the endpoint may redirect, nor, unless `trust_env`, through a proxy of the environment.

    Raises ConfigError: `url` is no address.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        *,
        timeout_seconds: float,
        wait_seconds: float = 0.5,
        trust_env: bool = False,
    ) -> None:
        self.url = _checked(url).rstrip("/") + "/chat/completions"
        self._model = model
        self._key = key
        self._wait_seconds = wait_seconds
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(headers=headers, timeout=timeout_seconds, trust_env=trust_env)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def complete(self, messages: list[dict[str, str]], **options: Any) -> str:
        """The reply to a chat; empty where there is none. Options that are None are left out.

        Raises:
            EngineUnavailable: no answer after five attempts, or each time 429 or 5xx.
            EngineRefused: any other error, or an answer that is no chat completion.
        """
        given = {name: value for name, value in options.items() if value is not None}
        tries = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=self._wait_seconds, max=LONGEST_WAIT_SECONDS),
            reraise=True,
        )
        try:
            return str(tries(self._post, {"model": self._model, "messages": messages, **given}))
        except httpx.HTTPStatusError as error:
            raise self._failure(error) from None
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise EngineUnavailable(f"{self.url} does not answer ({reason})") from None

    def _post(self, body: dict[str, Any]) -> str:
        answer = self._http.post(self.url, json=body).raise_for_status()
        try:
            # Postgres's JSON takes no NUL.
            return str(answer.json()["choices"][0]["message"]["content"] or "").replace("\x00", "")
        except (ValueError, KeyError, IndexError, TypeError):
            said = self._said(answer)
            raise EngineRefused(
                f"{self.url} answered no chat completion: {said}", status=answer.status_code, body=said
            ) from None

    def _failure(self, error: httpx.HTTPStatusError) -> EngineUnavailable | EngineRefused:
        status, said = error.response.status_code, self._said(error.response)
        message = f"{self.url} answered {status}: {said}"
        return EngineUnavailable(message) if _may_pass(error) else EngineRefused(message, status=status, body=said)

    def _said(self, answer: httpx.Response) -> str:
        # Some repeat the key that they refuse.
        said = answer.text.replace(self._key, "…") if self._key else answer.text
        return said[:SAID]


def without_thoughts(reply: str) -> str:
    """A reply without what a model that thinks first has thought."""
    return re.sub(r"^.*</think>", "", reply, flags=re.DOTALL).strip()


def _checked(url: str) -> str:
    try:
        return str(httpx.URL(url))
    except httpx.InvalidURL as error:
        raise ConfigError(f"{url!r} is no address: {error}", param="url") from None


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, httpx.TransportError)
