"""The policy's retraining"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_retrainings()
    _create_lessons_and_episodes()
    _create_policies()


def _create_retrainings() -> None:
    op.create_table(
        "retrainings",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("incumbent", sa.Integer(), nullable=True),
        sa.Column("start", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retrainings")),
        sa.UniqueConstraint("key", name=op.f("uq_retrainings_key")),
        sa.UniqueConstraint("number", name=op.f("uq_retrainings_number")),
    )
    op.create_index(op.f("ix_retrainings_status"), "retrainings", ["status"])
    op.create_table(
        "retraining_events",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("retraining", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["retraining"], ["retrainings.id"], name=op.f("fk_retraining_events_retraining_retrainings")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_retraining_events")),
    )
    op.create_index(op.f("ix_retraining_events_retraining_seq"), "retraining_events", ["retraining", "seq"])


def _create_lessons_and_episodes() -> None:
    op.create_table(
        "lessons",
        sa.Column("retraining", sa.String(length=64), nullable=False),
        sa.Column("context", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("held_out", sa.Boolean(), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("exam", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_lessons_document_documents")),
        sa.ForeignKeyConstraint(["retraining"], ["retrainings.id"], name=op.f("fk_lessons_retraining_retrainings")),
        sa.PrimaryKeyConstraint("retraining", "context", name=op.f("pk_lessons")),
    )
    op.create_index(op.f("ix_lessons_document"), "lessons", ["document"])
    op.create_table(
        "episodes",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("retraining", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("arm", sa.String(length=128), nullable=False),
        sa.Column("context", sa.String(length=64), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_episodes_document_documents")),
        sa.ForeignKeyConstraint(["retraining"], ["retrainings.id"], name=op.f("fk_episodes_retraining_retrainings")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_episodes")),
    )
    op.create_index(op.f("ix_episodes_document"), "episodes", ["document"])
    op.create_index(op.f("ix_episodes_retraining_round"), "episodes", ["retraining", "round"])


def _create_policies() -> None:
    op.create_table(
        "policy_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("retraining", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("documents", sa.JSON(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent"], ["policy_versions.version"], name=op.f("fk_policy_versions_parent_policy_versions")
        ),
        sa.ForeignKeyConstraint(
            ["retraining"], ["retrainings.id"], name=op.f("fk_policy_versions_retraining_retrainings")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policy_versions")),
        sa.UniqueConstraint("retraining", "round", name=op.f("uq_policy_versions_retraining_round")),
    )
    op.create_table(
        "live_policy",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["version"], ["policy_versions.version"], name=op.f("fk_live_policy_version_policy_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_policy")),
    )
    op.create_table(
        "policy_moves",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=True),
        sa.Column("to_version", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_policy_moves")),
    )


def downgrade() -> None:
    for table in (
        "policy_moves",
        "live_policy",
        "policy_versions",
        "episodes",
        "lessons",
        "retraining_events",
        "retrainings",
    ):
        op.drop_table(table)
