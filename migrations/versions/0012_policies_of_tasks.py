"""Policies for tasks beside those for passages"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OF_DOCUMENTS = ("lessons", "episodes")
"""Tables whose rows are about a stored document, and from now on about a document or a task."""


def upgrade() -> None:
    """Until now every policy wrote about passages."""
    live = op.get_bind().scalar(sa.text("SELECT version FROM live_policy"))
    op.drop_table("live_policy")
    _create_pointer(sa.Column("subject", sa.String(length=16), nullable=False))
    if live is not None:
        op.execute(sa.text("INSERT INTO live_policy (subject, version) VALUES ('passage', :v)").bindparams(v=live))
    op.add_column("policy_moves", sa.Column("subject", sa.String(length=16), server_default="passage", nullable=False))
    for table in OF_DOCUMENTS:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f"fk_{table}_document_documents"), type_="foreignkey")


def downgrade() -> None:
    """What is about tasks is taken out first: the schema before knows no place for it."""
    live = op.get_bind().scalar(sa.text("SELECT version FROM live_policy WHERE subject = 'passage'"))
    op.drop_table("live_policy")
    _create_pointer(sa.Column("id", sa.Integer(), autoincrement=False, nullable=False))
    if live is not None:
        op.execute(sa.text("INSERT INTO live_policy (id, version) VALUES (1, :v)").bindparams(v=live))
    op.execute("DELETE FROM policy_moves WHERE subject <> 'passage'")
    op.drop_column("policy_moves", "subject")
    for table in OF_DOCUMENTS:
        op.execute(f"DELETE FROM {table} WHERE document LIKE 'task-%'")
        with op.batch_alter_table(table) as batch:
            batch.create_foreign_key(op.f(f"fk_{table}_document_documents"), "documents", ["document"], ["id"])


def _create_pointer(key: sa.Column[object]) -> None:
    op.create_table(
        "live_policy",
        key,
        sa.Column("version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["version"], ["policy_versions.version"], name=op.f("fk_live_policy_version_policy_versions")
        ),
        sa.PrimaryKeyConstraint(key.name, name=op.f("pk_live_policy")),
    )
