"""The one thread that computes. Every step reads some prompts and writes one token of every running sequence."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace

import torch

from seald.errors import Draining, EngineError
from seald.serving.local.adapters import Adapters
from seald.serving.local.batch import Batch
from seald.serving.local.model import LanguageModel
from seald.serving.local.reading import Reader, ReadPrompt
from seald.serving.local.scoring import TokenScore, score
from seald.serving.local.sequence import Call, Prompt, Sequence
from seald.serving.local.waiting import Room, Waiting

IDLE_TOKENS = 512
BUSY_TOKENS = 128
"""Prompt tokens read in one step, while nothing and while something is being written: the longest pause between two
tokens of an answer is the time of this many."""

log = logging.getLogger(__name__)


class Worker:
    """Owns the network. Calls and commands come in from other threads; deltas go out through each call's `tell`."""

    def __init__(self, model: LanguageModel, adapters: Adapters, *, max_num_seqs: int, max_loras: int) -> None:
        self._model = model
        self._adapters = adapters
        self._max_num_seqs = max_num_seqs
        self._max_loras = max_loras
        self._batch = Batch(model)
        self._reader = Reader(model)
        self._waiting = Waiting(self._reader.unread)
        self._open: list[Call] = []
        self._score_after = 0.0
        self._arrived: deque[Call] = deque()
        self._commands: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine-worker", daemon=True)

    def start(self) -> None:
        """Begin to work; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step under way; what is unfinished is told so."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def submit(self, call: Call) -> None:
        """Compute a call. To give it up, set its `cancelled`."""
        with self._wake:
            self._arrived.append(call)
            self._wake.notify()

    def do(self, command: Callable[[], None]) -> Future[None]:
        """Run something between two steps that changes the network."""
        future: Future[None] = Future()
        with self._wake:
            self._commands.append((command, future))
            self._wake.notify()
        return future

    def load(self) -> tuple[int, int]:
        """How many sequences are being written, and how many calls have none among them. From any thread."""
        rows, calls = self._batch.sequences.copy(), len(self._open) + len(self._arrived)
        return len(rows), max(0, calls - len({sequence.call for sequence in rows}))

    @torch.inference_mode()
    def step(self) -> None:
        """One iteration: take in what is new, read prompts, write a token of every running sequence."""
        self._take_in()
        self._forget_cancelled()
        self._read_prompts()
        self._score_prompts()
        self._write_tokens()
        self._close_calls()

    def _run(self) -> None:
        while self._wait_for_work():
            self.step()
        self._fail(self._open, Draining("the engine is stopping"))
        self._close_calls()

    def _wait_for_work(self) -> bool:
        with self._wake:
            self._wake.wait_for(lambda: self._stopping or self._open or self._arrived or self._commands)
            return not self._stopping

    def _take_in(self) -> None:
        with self._wake:
            calls, commands = list(self._arrived), list(self._commands)
            self._arrived.clear()
            self._commands.clear()
        for command, future in commands:
            _obey(command, future)
        for call in calls:
            self._open.append(call)
            self._waiting.add(call.prompts)

    def _forget_cancelled(self) -> None:
        if any(call.cancelled for call in self._open):
            self._waiting.drop_cancelled()
            self._batch.leave()

    def _read_prompts(self) -> None:
        room = self._room(self._max_num_seqs - len(self._batch.sequences))
        prompts = self._waiting.to_write(room)
        read_prompts = self._read(prompts, room.tokens)
        for done in read_prompts:
            self._begin_writing(done)
        self._batch.join((sequence, done.row) for done in read_prompts for sequence in done.prompt.sequences)

    def _score_prompts(self) -> None:
        """Scoring takes at most half of the time while answers are being written."""
        began = time.monotonic()
        if self._batch.sequences and began < self._score_after:
            return
        room = replace(self._room(0), adapters=frozenset())
        for done in self._read(self._waiting.to_score(room), room.tokens):
            for sequence in done.prompt.sequences:
                sequence.end(tuple(done.prompt.scores))
        now = time.monotonic()
        self._score_after = now + (now - began)

    def _write_tokens(self) -> None:
        sequences = self._batch.sequences
        if not sequences:
            return
        try:
            logits = self._batch.logits()
            for sequence, token, scored in zip(sequences, *_choose(sequences, logits), strict=True):
                sequence.accept(token, scored)
        except Exception as error:
            self._fail({sequence.call for sequence in sequences}, _told(error))
        self._batch.leave()

    def _begin_writing(self, done: ReadPrompt) -> None:
        prompt = done.prompt
        scores = tuple(prompt.scores) if prompt.call.options.prompt_logprobs is not None else None
        logits = done.logits.expand(len(prompt.sequences), -1)
        for sequence, token, scored in zip(prompt.sequences, *_choose(prompt.sequences, logits), strict=True):
            sequence.accept(token, scored, scores)

    def _read(self, prompts: list[Prompt], tokens: int) -> list[ReadPrompt]:
        if not prompts:
            return []
        try:
            done = self._reader.read(prompts, tokens)
        except Exception as error:
            self._fail({prompt.call for prompt in prompts}, _told(error))
            return []
        for prompt in prompts:
            if prompt.remaining:
                self._waiting.put_back(prompt)
        return done

    def _room(self, rows: int) -> Room:
        return Room(
            rows=rows,
            tokens=BUSY_TOKENS if self._batch.sequences else IDLE_TOKENS,
            max_adapters=self._max_loras,
            adapters=self._batch.adapters,
            running=self._batch.rows_of_calls,
            rows_per_call=max(1, self._max_num_seqs * 3 // 4),
        )

    def _fail(self, calls: Iterable[Call], error: Exception) -> None:
        for call in calls:
            if not call.done:
                call.cancelled = True
                call.tell(error)
        self._waiting.drop_cancelled()

    def _close_calls(self) -> None:
        over = [call for call in self._open if call.done]
        for call in over:
            self._adapters.release(call.adapter)
        if over:
            self._open = [call for call in self._open if call not in over]
        self._adapters.sweep()


def _choose(sequences: list[Sequence], logits: torch.Tensor) -> tuple[list[int], list[TokenScore | None]]:
    """The next token of each row, and its score where one was asked for (of the raw logits, as vLLM reports it)."""
    likeliest = logits.argmax(-1).tolist()
    tokens = [
        likeliest[row] if sequence.sampler.plain else sequence.sampler.choose(logits[row], sequence.output)
        for row, sequence in enumerate(sequences)
    ]
    scores: list[TokenScore | None] = []
    for row, sequence in enumerate(sequences):
        top = sequence.call.options.logprobs
        scores.append(None if top is None else score(logits[row : row + 1], [tokens[row]], top)[0])
    return tokens, scores


def _obey(command: Callable[[], None], future: Future[None]) -> None:
    try:
        command()
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(None)


def _told(error: Exception) -> EngineError:
    log.exception("a step failed", exc_info=error)
    return EngineError(f"the engine failed at this request: {error}")
