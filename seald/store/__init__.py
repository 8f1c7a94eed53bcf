"""What lasts: the database (one file a noun) and the folders of adapter versions and learned policies."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from seald.config import Settings
from seald.store.adaptations import SqlAdaptations
from seald.store.adapter_files import AdapterFolders
from seald.store.adapters import SqlAdapters
from seald.store.answered import SqlAnswered
from seald.store.audit import SqlAudit
from seald.store.clock import SystemClock
from seald.store.collections import SqlCollections
from seald.store.documents import SqlDocuments
from seald.store.episodes import SqlEpisodes
from seald.store.feedback import SqlFeedback
from seald.store.forgetting import SqlForgetting
from seald.store.keys import SqlKeys
from seald.store.ledger import SqlLedger
from seald.store.lock import DataFolderLock
from seald.store.migrate import upgrade
from seald.store.policies import SqlPolicies
from seald.store.policy_files import PolicyFolders
from seald.store.probes import SqlProbes
from seald.store.receipts import SqlReceipts
from seald.store.retrainings import SqlRetrainings
from seald.store.session import Session, database_url
from seald.store.sight import Pulse, SqlSight
from seald.store.tasks import SqlTasks
from seald.store.watches import SqlWatches


@dataclass(frozen=True)
class Stores:
    """All stores of one data folder, which stays locked until `close`."""

    documents: SqlDocuments
    adaptations: SqlAdaptations
    probes: SqlProbes
    ledger: SqlLedger
    adapters: SqlAdapters
    forgetting: SqlForgetting
    collections: SqlCollections
    tasks: SqlTasks
    keys: SqlKeys
    adapter_files: AdapterFolders
    answers: SqlAnswered
    feedback: SqlFeedback
    watches: SqlWatches
    retrainings: SqlRetrainings
    episodes: SqlEpisodes
    policies: SqlPolicies
    policy_files: PolicyFolders
    audit: SqlAudit
    sight: SqlSight
    pulse: Pulse
    receipts: SqlReceipts
    clock: SystemClock
    session: Session
    lock: DataFolderLock

    def close(self) -> None:
        """Close the database and let the next daemon in."""
        self.session.close()
        self.lock.release()


def open_stores(settings: Settings) -> Stores:
    """Lock the data folder, bring the database to this code's schema, and hand out the stores.

    Raises:
        DataFolderLocked, NewerSchema, StoreError, ConfigError: nothing is left open.
    """
    with ExitStack() as undo:
        lock, session = _open(settings, undo)
        upgrade(session.writing)
        clock = SystemClock()
        keys = SqlKeys(session, clock)
        undo.pop_all()
    return Stores(
        documents=SqlDocuments(session, clock),
        adaptations=SqlAdaptations(session, clock),
        probes=SqlProbes(session),
        ledger=SqlLedger(session),
        adapters=SqlAdapters(session, clock),
        forgetting=SqlForgetting(session, clock),
        collections=SqlCollections(session, clock),
        tasks=SqlTasks(session, clock),
        keys=keys,
        adapter_files=AdapterFolders(settings.data_dir / "adapters"),
        answers=SqlAnswered(session, clock),
        feedback=SqlFeedback(session, clock),
        watches=SqlWatches(session),
        retrainings=SqlRetrainings(session, clock),
        episodes=SqlEpisodes(session),
        policies=SqlPolicies(session, clock),
        policy_files=PolicyFolders(settings.data_dir / "policies" / "learned"),
        audit=SqlAudit(session),
        sight=SqlSight(session, clock, settings.data_dir),
        pulse=Pulse(session),
        receipts=SqlReceipts(session, clock),
        clock=clock,
        session=session,
        lock=lock,
    )


def upgrade_database(settings: Settings) -> tuple[str | None, str | None]:
    """Bring the database to this code's schema, and close it; the revisions before (None: it was empty) and after.

    Raises as `open_stores` does.
    """
    with ExitStack() as closing:
        _, session = _open(settings, closing)
        return upgrade(session.writing)


def _open(settings: Settings, closing: ExitStack) -> tuple[DataFolderLock, Session]:
    lock = DataFolderLock(settings.data_dir)
    closing.callback(lock.release)
    session = Session(database_url(settings))
    closing.callback(session.close)
    session.check()
    return lock, session
