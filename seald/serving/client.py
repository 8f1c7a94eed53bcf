"""vLLM's HTTP dialect, spoken synchronously: what the pipeline, the guards and the canary ask of the engine."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from seald.domain.chat import messages
from seald.domain.probe import AnswerScore
from seald.errors import EngineError, EngineRefused, EngineUnavailable
from seald.ports import BASE, Chat, Choice, Continuation, Preference, Reply, Sampling

ROWS_PER_REQUEST = 64
"""Bounds one request's time, so that a slow machine does not run into the client's timeout."""
LISTED = 20
"""How many most probable tokens an engine lists at most."""
NOWHERE = Path("/nowhere/seald-asks-whether-adapters-are-taken")
AT_ONCE = 16
"""Requests in flight where each needs its own: the engine batches them."""
METRICS_SECONDS = 1.0
"""A scrape waits so long for an engine that hangs."""


class EngineClient:
    """Talks to one engine. Safe to use from several threads.

    Every method raises EngineUnavailable when there is no answer and EngineRefused when the answer is an error.
    """

    def __init__(self, url: str, *, key: str | None, timeout_seconds: float) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        # trust_env: a proxy of the environment must never see what goes to our own engine.
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout_seconds, trust_env=False)
        # The same probes are put to every candidate, and their tokens do not depend on the adapter.
        self._prompts: dict[Chat, list[int]] = {}
        self._texts: dict[str, list[int]] = {}
        self._firsts: dict[str, str] = {}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def healthy(self) -> bool:
        """Whether `/health` answers 200 within two seconds."""
        try:
            return self._http.get("/health", timeout=2.0).status_code == 200
        except httpx.HTTPError:
            return False

    def metrics(self) -> str | None:
        """What it exposes for Prometheus; empty where it exposes nothing, None where there is no answer within a
        second."""
        try:
            answer = self._http.get("/metrics", timeout=METRICS_SECONDS)
        except httpx.HTTPError:
            return None
        return answer.text if answer.status_code == 200 else ""

    def version(self) -> str | None:
        """Of vLLM; None where the engine is none, like ours."""
        models = self._call("GET", "/v1/models")["data"]
        is_vllm = any(model.get("owned_by") == "vllm" for model in models)
        return str(self._call("GET", "/version")["version"]) if is_vllm else None

    def require_usable(self) -> None:
        """See whether a server that somebody else started is one that a daemon can serve from.

        Raises:
            EngineError: it does not know our key, has no model called `base`, or takes no adapters.
        """
        try:
            names = {model["id"] for model in self._call("GET", "/v1/models")["data"]}
        except EngineRefused as refusal:
            if refusal.status not in (401, 403):
                raise
            raise EngineError(
                "the engine refuses this daemon's key: set SEALD_ENGINE_KEY to the one that it was started with"
            ) from refusal
        except (KeyError, TypeError) as error:
            raise EngineError("what answers at engine.url is no vLLM: its list of models has another shape") from error
        if BASE not in names:
            raise EngineError(
                f"the engine serves {', '.join(sorted(names))}, but no {BASE!r}: start it with "
                f"`--served-model-name {BASE}`"
            )
        self._require_adapters()

    def _require_adapters(self) -> None:
        try:
            self.load("seald-none", NOWHERE)
        except EngineRefused as refusal:
            # A server that takes adapters says that there is none; one that does not knows no such route, or says so.
            if refusal.status == 404 and NOWHERE.name in refusal.body:
                return
            raise EngineError(
                "the engine takes no adapters: start it with `--enable-lora` and "
                f"VLLM_ALLOW_RUNTIME_LORA_UPDATING=True (it said: {refusal.body[:300]})"
            ) from refusal

    def loaded(self) -> set[str]:
        """Names of the adapters that the engine holds."""
        models = self._call("GET", "/v1/models")["data"]
        return {model["id"] for model in models if model.get("parent")}

    def load(self, name: str, folder: Path) -> None:
        """Load a PEFT folder under a name that says what its weights are.

        One that is there already stays: a server that outlived the daemon still holds what was loaded before.
        """
        try:
            self._call("POST", "/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})
        except EngineRefused:
            if name not in self.loaded():
                raise

    def unload(self, name: str) -> None:
        """Drop an adapter; one that is not there is fine."""
        try:
            self._call("POST", "/v1/unload_lora_adapter", {"lora_name": name})
        except EngineRefused as refusal:
            if refusal.status != 404:
                raise

    def sleep(self) -> None:
        """Have it give its memory back: weights to the host's memory, the key-value cache dropped."""
        self._call("POST", "/v1/engine/sleep?level=1&mode=wait")

    def wake_up(self) -> None:
        """Have it take its memory again. What it then holds is for the canary to say."""
        self._call("POST", "/v1/engine/wake_up")

    def ask(self, questions: Sequence[Chat], sampling: Sampling, *, model: str) -> list[str]:
        """Answer each question as a chat; same length and order as `questions`.

        With a seed, question i is sampled with `seed + i`, so that the same question may stand there several times.
        """
        rows = [self._chat_prompt(question) for question in questions]
        options = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop": list(sampling.stop) or None,
            "structured_outputs": {"json": json.loads(sampling.schema)} if sampling.schema is not None else None,
        }
        if sampling.seed is None or sampling.temperature == 0:
            return [_said(choice) for choice in self._complete(rows, model, options)]
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            seeded = [{**options, "seed": sampling.seed + i} for i in range(len(rows))]
            answers = pool.map(lambda row, own: list(self._complete([row], model, own)), rows, seeded)
            return [_said(choice) for choices in answers for choice in choices]

    def ask_greedily(self, questions: Sequence[str], *, max_tokens: int, model: str) -> list[Reply]:
        """As `ask`, the likeliest token each time, and whether the reply ended by itself within `max_tokens`."""
        rows = [self._chat_prompt(question) for question in questions]
        choices = self._complete(rows, model, {"max_tokens": max_tokens, "temperature": 0})
        return [Reply(_said(choice), ended=choice["finish_reason"] == "stop") for choice in choices]

    def prefer(self, choices: Sequence[Choice], *, model: str) -> list[Preference]:
        """How probable the two ways of each choice are; same length and order as `choices`."""
        rows = [self._chat_prompt(c.question) + self._tokens(c.lead) for c in choices]
        answers = self._complete(rows, model, {"max_tokens": 1, "temperature": 0, "logprobs": LISTED})
        listed = [answer["logprobs"]["top_logprobs"][0] for answer in answers]
        return [
            Preference(answer=self._first(c.answer, top), wrong=self._first(c.wrong, top), best=max(top.values()))
            for c, top in zip(choices, listed, strict=True)
        ]

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        """Log-probabilities of each item's answer tokens; same length and order as `items`."""
        rows, lengths = [], []
        for item in items:
            answer = self._tokens(item.answer)
            lead = self._tokens(item.lead) if item.lead else []
            rows.append(self._chat_prompt(item.question) + lead + answer)
            lengths.append(len(answer))
        choices = self._complete(rows, model, {"max_tokens": 0, "echo": True, "logprobs": 1})
        return [_answer_score(choice["logprobs"], n) for choice, n in zip(choices, lengths, strict=True)]

    def score_tokens(self, token_ids: Sequence[Sequence[int]], *, models: Sequence[str]) -> list[list[float]]:
        """Log-probabilities (nats) of tokens 1..T-1 of each row under the model of the same index.

        The rows go out as concurrent requests: base and adapter then share batches, which is the mix that shows
        an engine that confuses them.
        """
        options = {"max_tokens": 0, "echo": True, "logprobs": 0, "temperature": 0}

        def one(row: Sequence[int], model: str) -> list[float]:
            (choice,) = self._complete([list(row)], model, options)
            found = choice["logprobs"]["token_logprobs"][1:]
            return [math.nan if value is None else float(value) for value in found]

        with ThreadPoolExecutor(max_workers=max(1, min(8, len(models)))) as pool:
            return list(pool.map(one, token_ids, models))

    def _complete(self, rows: list[list[int]], model: str, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for start in range(0, len(rows), ROWS_PER_REQUEST):
            body = {"model": model, "prompt": rows[start : start + ROWS_PER_REQUEST], **options}
            answer = self._call("POST", "/v1/completions", {k: v for k, v in body.items() if v is not None})
            yield from sorted(answer["choices"], key=lambda choice: int(choice["index"]))

    def _chat_prompt(self, question: Chat) -> list[int]:
        if question not in self._prompts:
            turns = (question,) if isinstance(question, str) else question
            body = {"messages": messages(turns), "add_generation_prompt": True}
            self._prompts[question] = self._call("POST", "/tokenize", {"model": BASE, **body})["tokens"]
        return self._prompts[question]

    def _tokens(self, text: str) -> list[int]:
        if text not in self._texts:
            body = {"model": BASE, "prompt": text, "add_special_tokens": False}
            self._texts[text] = self._call("POST", "/tokenize", body)["tokens"]
        return self._texts[text]

    def _first(self, text: str, listed: dict[str, float]) -> float:
        """Log-probability of the text's first token, which engines list by its string."""
        if text not in self._firsts:
            body = {"model": BASE, "tokens": self._tokens(text)[:1]}
            self._firsts[text] = self._call("POST", "/detokenize", body)["prompt"]
        return float(listed.get(self._firsts[text], min(listed.values())))

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise EngineUnavailable(f"the engine does not answer {path}: {error or type(error).__name__}") from error
        if answer.status_code >= 400:
            said = answer.text[:2000]
            raise EngineRefused(
                f"the engine answered {path} with {answer.status_code}: {said}", status=answer.status_code, body=said
            )
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def _said(choice: dict[str, Any]) -> str:
    # Postgres's JSON takes no such character.
    return str(choice["text"]).replace("\x00", "").strip()


def _answer_score(logprobs: dict[str, Any], length: int) -> AnswerScore:
    values = [float(value) for value in logprobs["token_logprobs"][-length:]]
    best = [max(top.values()) for top in logprobs["top_logprobs"][-length:]]
    greedy = all(
        value >= top or math.isclose(value, top, abs_tol=1e-6) for value, top in zip(values, best, strict=True)
    )
    return AnswerScore(logprobs=tuple(values), greedy=greedy)
