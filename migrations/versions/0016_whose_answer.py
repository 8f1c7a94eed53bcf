"""Whose request an answer was given to: clients choose the ids of their requests, and two may choose the same"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Until now one id stood for one answer; whoever asked is taken for one without a key."""
    with op.batch_alter_table("answered") as batch:
        batch.add_column(_asker())
        batch.drop_constraint(op.f("pk_answered"), type_="primary")
        batch.create_primary_key(op.f("pk_answered"), ["request", "asker"])
    with op.batch_alter_table("feedback") as batch:
        batch.add_column(_asker())
        batch.drop_constraint(op.f("uq_feedback_request"), type_="unique")
        batch.create_unique_constraint(op.f("uq_feedback_request_asker"), ["request", "asker"])


def downgrade() -> None:
    """Of answers with the same id the latest stays."""
    op.execute(
        "DELETE FROM answered WHERE EXISTS (SELECT 1 FROM answered AS o WHERE o.request = answered.request AND "
        "(o.at > answered.at OR (o.at = answered.at AND o.asker > answered.asker)))"
    )
    op.execute(
        "DELETE FROM feedback WHERE EXISTS (SELECT 1 FROM feedback AS o WHERE o.request = feedback.request AND "
        "o.seq > feedback.seq)"
    )
    with op.batch_alter_table("feedback") as batch:
        batch.drop_constraint(op.f("uq_feedback_request_asker"), type_="unique")
        batch.drop_column("asker")
        batch.create_unique_constraint(op.f("uq_feedback_request"), ["request"])
    with op.batch_alter_table("answered") as batch:
        batch.drop_constraint(op.f("pk_answered"), type_="primary")
        batch.drop_column("asker")
        batch.create_primary_key(op.f("pk_answered"), ["request"])


def _asker() -> sa.Column[str]:
    return sa.Column("asker", sa.String(length=64), server_default="local", nullable=False)
