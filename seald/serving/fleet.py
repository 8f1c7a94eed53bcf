"""The engines together: how many there are, how each is kept alive, and what the rest of the daemon sees of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from seald.config import Settings
from seald.domain.adapter import ENGINE_NAMES, AdapterVersion
from seald.domain.probe import AnswerScore
from seald.domain.sample import Sample
from seald.ports import AdapterFiles, Chat, Choice, Continuation, Preference, Reply, Sampling
from seald.serving.client import EngineClient
from seald.serving.command import EngineCommand, engine_commands
from seald.serving.quarantine import Quarantine
from seald.serving.replica import Replica, drop
from seald.serving.residency import Residency
from seald.serving.supervisor import Supervisor

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Member:
    """One engine of the fleet; what its supervisor has in charge."""

    command: EngineCommand
    client: EngineClient
    replica: Replica
    residency: Residency

    def restore(self) -> bool:
        """Load what must be live, then send it requests. False: not all could be loaded.

        Raises EngineError when somebody else's server is none that could serve.
        """
        if not self.command.argv:
            self.client.require_usable()
        failed = self.residency.restore(self.replica)
        for version, error in failed:
            log.error("a live version cannot be served", version=version.label, reason=error.message)
        self._let_go_of_strangers()
        return not failed

    def _let_go_of_strangers(self) -> None:
        # A server that outlived a daemon, or was given up while it was silent, holds what nobody else would unload.
        with self.replica.loading:
            for name in self.client.loaded():
                known = self.replica.knows(name) or name in self.replica.users
                if name.startswith(ENGINE_NAMES) and not known:
                    drop(self.replica, name)

    def withdraw(self) -> None:
        """Send it no more requests."""
        self.residency.withdraw(self.replica)

    def idle(self) -> bool:
        """Whether none is being answered."""
        return self.residency.in_flight(self.replica) == 0


class Fleet:
    """Starts, watches and stops every engine. Fulfils the ports `Engine` and `Trials`, by whichever of them is
    least used.

    Raises ConfigError when there is nothing to start.
    """

    def __init__(self, settings: Settings, model: Path, files: AdapterFiles) -> None:
        commands = engine_commands(settings, model)
        clients = [EngineClient(c.url, key=c.key, timeout_seconds=settings.engine.request_seconds) for c in commands]
        replicas = [Replica(client) for client in clients]
        self._quarantine = Quarantine(files)
        self.residency = Residency(
            replicas,
            self._quarantine,
            keep_loaded=settings.engine.keep_loaded,
            canary_tolerance=settings.engine.canary_tolerance,
        )
        self._settings = settings
        members = zip(commands, clients, replicas, strict=True)
        self._members = tuple(Member(c, client, replica, self.residency) for c, client, replica in members)
        self._supervisors = tuple(map(self._supervisor, range(len(self._members))))

    def start(self, live: Sequence[AdapterVersion]) -> None:
        """Begin, with what must be live; returns at once."""
        self.residency.remember(live)
        for supervisor in self._supervisors:
            supervisor.start()

    def stop(self) -> None:
        """End all of them."""
        with ExitStack() as stack:
            for member, supervisor in zip(self._members, self._supervisors, strict=True):
                stack.callback(member.client.close)
                stack.callback(supervisor.stop)

    def commands(self) -> tuple[EngineCommand, ...]:
        """Where each of them is reached, by `Route.replica`."""
        return tuple(member.command for member in self._members)

    def ready(self) -> tuple[bool, str]:
        """Whether requests can be answered now, and if not, why."""
        if self.residency.serves():
            return True, "ready"
        return False, "; ".join(dict.fromkeys(supervisor.ready()[1] for supervisor in self._supervisors))

    def resting(self) -> bool:
        """Whether the engines sleep on purpose, and will be back."""
        return any(supervisor.resting for supervisor in self._supervisors)

    def status(self) -> dict[str, Any]:
        """`{kind, ready, detail, quarantined: [{version, reason}], replicas: [{ready, detail, pid, loaded}]}`."""
        ready, detail = self.ready()
        pairs = zip(self._members, self._supervisors, strict=True)
        return {
            "kind": self._members[0].command.kind,
            "ready": ready,
            "detail": detail,
            "quarantined": self._quarantine.listed(),
            "replicas": [_shown(member, supervisor) for member, supervisor in pairs],
        }

    def samples(self) -> Iterator[Sample]:
        """How each of them stands."""
        for number, (member, supervisor) in enumerate(zip(self._members, self._supervisors, strict=True)):
            of = {"replica": str(number)}
            yield Sample("seald_engine_resting", supervisor.resting, of)
            yield Sample("seald_engine_restarts", supervisor.restarts, of)
            yield Sample("seald_engine_adapters", len(member.residency.loaded(member.replica)), of)
            yield Sample("seald_engine_in_flight", member.residency.in_flight(member.replica), of)

    def expositions(self) -> dict[str, str | None]:
        """What each that serves exposes for Prometheus, by its number; None where it does not serve or answer."""
        with ThreadPoolExecutor(len(self._members)) as pool:
            asked = pool.map(lambda member: member.client.metrics() if member.replica.serves else None, self._members)
            return {str(number): text for number, text in enumerate(asked)}

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Inside, no engine holds memory that a trainer could use; at the end they begin to wake up."""
        for supervisor in self._supervisors:
            supervisor.sleep()
        try:
            yield
        finally:
            for supervisor in self._supervisors:
                supervisor.wake()

    def tried(self, name: str, folder: Path) -> AbstractContextManager[str]:
        """As `Residency.tried`."""
        return self.residency.tried(name, folder)

    def ask(self, questions: Sequence[Chat], sampling: Sampling, *, model: str) -> list[str]:
        """As `EngineClient.ask`."""
        with self.residency.lend(model) as engine:
            return engine.ask(questions, sampling, model=model)

    def ask_greedily(self, questions: Sequence[str], *, max_tokens: int, model: str) -> list[Reply]:
        """As `EngineClient.ask_greedily`."""
        with self.residency.lend(model) as engine:
            return engine.ask_greedily(questions, max_tokens=max_tokens, model=model)

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        """As `EngineClient.score`."""
        with self.residency.lend(model) as engine:
            return engine.score(items, model=model)

    def prefer(self, choices: Sequence[Choice], *, model: str) -> list[Preference]:
        """As `EngineClient.prefer`."""
        with self.residency.lend(model) as engine:
            return engine.prefer(choices, model=model)

    def _supervisor(self, number: int) -> Supervisor:
        member, engine = self._members[number], self._settings.engine
        name = "engine.log" if len(self._members) == 1 else f"engine-{number}.log"
        return Supervisor(
            member.command,
            member.client,
            member,
            log_file=self._settings.data_dir / "logs" / name,
            start_seconds=engine.start_seconds,
            drain_seconds=engine.request_seconds,
        )


def _shown(member: Member, supervisor: Supervisor) -> dict[str, Any]:
    ready, detail = supervisor.ready()
    loaded = member.residency.loaded(member.replica)
    return {"ready": ready, "detail": detail, "pid": supervisor.pid, "loaded": loaded}
