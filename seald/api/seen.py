"""The daemon as a key sees it that is limited to some collections or models: what else there is, is not there.

What stands here in the place of a service has no more of it than routes use: a route that asks for more fails for such
keys until somebody has thought of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import PurePath
from types import SimpleNamespace
from typing import Any

from seald.api.services import Ingested, Ingesting, Services
from seald.domain.adaptation import Adaptation
from seald.domain.adapter import AdapterVersion
from seald.domain.certificate import Certificate
from seald.domain.collection import Collection as CollectionOf
from seald.domain.collection import CollectionSettings
from seald.domain.feedback import Answer, unknown_answer
from seald.domain.key import Key
from seald.domain.model_id import parse_model_id, unknown_model
from seald.domain.task import LINEAGE, Solved, Task, TaskAsk, Value
from seald.errors import NotFound
from seald.ports import AdapterStore, Route, Upstream

Within = frozenset[str]
"""The collections that a key is limited to."""


def seen_by(services: Services, key: Key) -> Services:
    """`services` for whoever shows `key`."""
    seen: dict[str, Any] = {}
    if key.is_limited:
        models = _Models(services, key)
        seen |= {"gateway": models, "solve_task": models.solve_task, "answers": _answers(services, key)}
        seen |= {"feedback": _ratings(services, key), "status": partial(_unplaced, services.status)}
    if key.collections is not None:
        within = frozenset(key.collections)
        for part in (_documents, _adaptations, _versions, _collections, _tasks):
            seen |= part(services, within)
        seen["status"] = _status(services, within)
    return replace(services, **seen) if seen else services


class _Models:
    """The gateway, with the models that the key may ask for."""

    def __init__(self, services: Services, key: Key) -> None:
        self._gateway = services.gateway
        self._solve = services.solve_task
        self._adapters = services.adapters
        self._models = None if key.models is None else frozenset(key.models)
        self._within = None if key.collections is None else frozenset(key.collections)

    @asynccontextmanager
    async def ask(self, model: str, path: str, body: Mapping[str, Any]) -> AsyncIterator[tuple[Route, Upstream]]:
        """As the gateway's. Raises NotFound (code `model_not_found`) for another's model as for none."""
        collection, _ = parse_model_id(model)
        of_task = collection is not None and collection.startswith(LINEAGE)
        # Which collection a task is kept with stands in the store alone.
        lineages = await asyncio.to_thread(_lineages, self._adapters, self._within) if of_task else self._within
        if not self._sees(model, lineages):
            raise unknown_model(model)
        async with self._gateway.ask(model, path, body) as asked:
            yield asked

    def solve_task(self, task: Task, inputs: Sequence[Value]) -> Solved:
        """As the daemon's. Raises NotFound (code `model_not_found`)."""
        model = f"seald:{task.lineage}"
        if self._models is not None and model not in self._models:
            raise unknown_model(model)
        return self._solve(task, inputs)

    def model_ids(self) -> list[tuple[str, str]]:
        """As the gateway's."""
        lineages = _lineages(self._adapters, self._within)
        return [(id, label) for id, label in self._gateway.model_ids() if self._sees(id, lineages)]

    def _sees(self, model: str, lineages: Collection[str] | None) -> bool:
        collection, _ = parse_model_id(model)
        allowed = self._models is None or model in self._models
        return allowed and (collection is None or lineages is None or collection in lineages)


def _lineages(adapters: AdapterStore, within: Within | None) -> set[str] | None:
    # A collection that holds nothing yet may be asked for, too: then the base answers.
    return None if within is None else {*within, *adapters.lineages(within=within)}


def _documents(services: Services, within: Within) -> dict[str, Any]:
    store, forgetting = services.documents, services.forgetting
    get = partial(store.get, within=within)

    def certificate(id: str) -> Certificate | None:
        try:
            return forgetting.certificate(get(id).id)
        except NotFound:
            return None

    seen = SimpleNamespace(
        get=get,
        page=partial(store.page, within=within),
        latest_adaptation=store.latest_adaptation,
        superseded_by=store.superseded_by,
    )
    return {
        "documents": seen,
        "ingest": _ingesting(services.ingest, within),
        "forget": lambda id, reason: services.forget(get(id).id, reason),
        "forgetting": SimpleNamespace(adaptation_of=forgetting.adaptation_of, certificate=certificate),
    }


def _ingesting(ingest: Ingesting, within: Within) -> SimpleNamespace:
    def text(*, collection: str, **given: Any) -> Ingested:
        _require(collection, within)
        return ingest.text(collection=collection, **given)

    def file(*, collection: str, **given: Any) -> Ingested:
        _require(collection, within)
        return ingest.file(collection=collection, **given)

    return SimpleNamespace(text=text, file=file)


def _adaptations(services: Services, within: Within) -> dict[str, Any]:
    store = services.adaptations
    get = partial(store.get, within=within)

    seen = SimpleNamespace(
        get=get,
        page=partial(store.page, within=within),
        events=store.events,
        move=store.move,
        request_cancel=lambda id, reason: store.request_cancel(get(id).id, reason=reason),
    )
    return {"adaptations": seen}


def _versions(services: Services, within: Within) -> dict[str, Any]:
    """Routes ask for a lineage before they ask for anything of it."""
    store = services.adapters

    def of_collection(lineage: str) -> list[AdapterVersion]:
        return [v for v in store.of_collection(lineage) if _sees(services, within, lineage, v.created)]

    def get(lineage: str, version: int) -> AdapterVersion:
        for found in of_collection(lineage):
            if found.version == version:
                return found
        raise NotFound(f"collection {lineage!r} has no version {version}", param="version")

    seen = SimpleNamespace(
        lineages=partial(store.lineages, within=within),
        of_collection=of_collection,
        get=get,
        live=store.live,
        verdicts=store.verdicts,
        reject=store.reject,
    )
    return {"adapters": seen}


def _collections(services: Services, within: Within) -> dict[str, Any]:
    store = services.collections

    def put(name: str, settings: CollectionSettings) -> CollectionOf:
        _require(name, within, param="name")
        return store.put(name, settings)

    return {
        "collections": SimpleNamespace(
            all=partial(store.all, within=within), get=partial(store.get, within=within), put=put
        )
    }


def _tasks(services: Services, within: Within) -> dict[str, Any]:
    store = services.tasks

    def submit(ask: TaskAsk) -> tuple[Task, Adaptation, bool]:
        _require(ask.collection, within)
        return services.submit_task(ask)

    seen = SimpleNamespace(
        get=partial(store.get, within=within),
        page=partial(store.page, within=within),
        latest_adaptation=store.latest_adaptation,
    )
    return {"tasks": seen, "submit_task": submit}


def _answers(services: Services, key: Key) -> SimpleNamespace:
    """The key's own, and those of its collections; of a key of some models only its own."""
    answers = services.answers
    within = frozenset(key.collections or ()) if key.models is None else frozenset[str]()

    def find(request: str) -> Answer:
        answer = answers.find(request)
        if answer.asker == key.id or (answer.collection and _sees(services, within, answer.collection, answer.at)):
            return answer
        raise unknown_answer(request)

    return SimpleNamespace(note=answers.note, find=find)


def _ratings(services: Services, key: Key) -> SimpleNamespace:
    """Those of its collections; of a key of some models only its own, as its answers are."""
    store = services.feedback
    within = None if key.collections is None else frozenset(key.collections)
    page = partial(store.page, within=within, asker=None if key.models is None else key.id)
    return SimpleNamespace(rate=store.rate, of_collection=store.of_collection, page=page)


def _unplaced(status: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Without what is the machine's: where the model lies, and which processes there are."""
    found = status()
    engine = found["engine"]
    replicas = [{**replica, "pid": None} for replica in engine["replicas"]]
    return {**found, "model": PurePath(found["model"]).name, "engine": {**engine, "replicas": replicas}}


def _status(services: Services, within: Within) -> Callable[[], dict[str, Any]]:
    """What is counted is counted for all; what has a name is left out where it is another's."""

    def status() -> dict[str, Any]:
        found = _unplaced(services.status)
        collections = [one for one in found["collections"] if one["name"] in within]
        training = found["training"]
        try:
            if training is not None:
                services.adaptations.get(training["adaptation"], within=within)
        except NotFound:
            training = None
        engine = found["engine"]
        replicas = [{**one, "loaded": [*filter(theirs, one["loaded"])]} for one in engine["replicas"]]
        quarantined = [one for one in engine["quarantined"] if theirs(one["version"])]
        engine = {**engine, "replicas": replicas, "quarantined": quarantined}
        return {**found, "collections": collections, "training": training, "engine": engine}

    def theirs(label: str) -> bool:
        return _sees(services, within, label.rpartition("@")[0])

    return status


def _sees(services: Services, within: Within, lineage: str, at: datetime | None = None) -> bool:
    """Whether what was made in `lineage` (at this moment, else as it is now) is of one of the collections, or of a task
    kept with one."""
    if lineage in within:
        return True
    try:
        task = services.tasks.get(lineage.removeprefix(LINEAGE), within=within)
    except NotFound:
        return False
    # Before the task was there, another of its name may have been.
    return task.lineage == lineage and (at is None or at >= task.created)


def _require(collection: str, within: Within, *, param: str = "collection") -> None:
    if collection not in within:
        message = f"there is no collection {collection[:200]!r} for this key; it has {', '.join(sorted(within)[:20])}"
        raise NotFound(message, param=param)
