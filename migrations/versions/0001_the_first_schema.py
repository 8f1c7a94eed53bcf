"""The first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "adaptations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adaptations")),
        sa.UniqueConstraint("number", name=op.f("uq_adaptations_number")),
    )
    with op.batch_alter_table("adaptations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_adaptations_status"), ["status"], unique=False)

    op.create_table(
        "documents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("supersedes", sa.String(length=64), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("passages", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["supersedes"], ["documents.id"], name=op.f("fk_documents_supersedes_documents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("collection", "sha256", name=op.f("uq_documents_collection_sha256")),
        sa.UniqueConstraint("number", name=op.f("uq_documents_number")),
    )
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_documents_collection"), ["collection"], unique=False)

    op.create_table(
        "live_moves",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=True),
        sa.Column("to_version", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_live_moves")),
    )
    with op.batch_alter_table("live_moves", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_live_moves_collection"), ["collection"], unique=False)

    op.create_table(
        "adaptation_documents",
        sa.Column("adaptation", sa.String(length=64), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["adaptation"], ["adaptations.id"], name=op.f("fk_adaptation_documents_adaptation_adaptations")
        ),
        sa.ForeignKeyConstraint(
            ["document"], ["documents.id"], name=op.f("fk_adaptation_documents_document_documents")
        ),
        sa.PrimaryKeyConstraint("adaptation", "document", name=op.f("pk_adaptation_documents")),
    )
    with op.batch_alter_table("adaptation_documents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_adaptation_documents_document"), ["document"], unique=False)

    op.create_table(
        "adaptation_events",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("adaptation", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["adaptation"], ["adaptations.id"], name=op.f("fk_adaptation_events_adaptation_adaptations")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_adaptation_events")),
    )
    with op.batch_alter_table("adaptation_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_adaptation_events_adaptation_seq"), ["adaptation", "seq"], unique=False)

    op.create_table(
        "adapter_versions",
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("adaptation", sa.String(length=64), nullable=False),
        sa.Column("documents", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["adaptation"], ["adaptations.id"], name=op.f("fk_adapter_versions_adaptation_adaptations")
        ),
        sa.ForeignKeyConstraint(
            ["collection", "parent"],
            ["adapter_versions.collection", "adapter_versions.version"],
            name=op.f("fk_adapter_versions_collection_parent_adapter_versions"),
        ),
        sa.PrimaryKeyConstraint("collection", "version", name=op.f("pk_adapter_versions")),
        sa.UniqueConstraint("adaptation", name=op.f("uq_adapter_versions_adaptation")),
    )
    op.create_table(
        "probes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("lead", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_probes_document_documents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probes")),
    )
    with op.batch_alter_table("probes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_probes_document"), ["document"], unique=False)

    op.create_table(
        "self_edits",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("adaptation", sa.String(length=64), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["adaptation"], ["adaptations.id"], name=op.f("fk_self_edits_adaptation_adaptations")),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_self_edits_document_documents")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_self_edits")),
        sa.UniqueConstraint("collection", "position", name=op.f("uq_self_edits_collection_position")),
        sa.UniqueConstraint("number", name=op.f("uq_self_edits_number")),
    )
    with op.batch_alter_table("self_edits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_self_edits_adaptation"), ["adaptation"], unique=False)
        batch_op.create_index(batch_op.f("ix_self_edits_document"), ["document"], unique=False)

    op.create_table(
        "live",
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["collection", "version"],
            ["adapter_versions.collection", "adapter_versions.version"],
            name=op.f("fk_live_collection_version_adapter_versions"),
        ),
        sa.PrimaryKeyConstraint("collection", name=op.f("pk_live")),
    )
    op.create_table(
        "verdicts",
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("guard", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection", "version"],
            ["adapter_versions.collection", "adapter_versions.version"],
            name=op.f("fk_verdicts_collection_version_adapter_versions"),
        ),
        sa.PrimaryKeyConstraint("collection", "version", "guard", name=op.f("pk_verdicts")),
    )


def downgrade() -> None:
    op.drop_table("verdicts")
    op.drop_table("live")
    with op.batch_alter_table("self_edits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_self_edits_document"))
        batch_op.drop_index(batch_op.f("ix_self_edits_adaptation"))

    op.drop_table("self_edits")
    with op.batch_alter_table("probes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_probes_document"))

    op.drop_table("probes")
    op.drop_table("adapter_versions")
    with op.batch_alter_table("adaptation_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_adaptation_events_adaptation_seq"))

    op.drop_table("adaptation_events")
    with op.batch_alter_table("adaptation_documents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_adaptation_documents_document"))

    op.drop_table("adaptation_documents")
    with op.batch_alter_table("live_moves", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_live_moves_collection"))

    op.drop_table("live_moves")
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_documents_collection"))

    op.drop_table("documents")
    with op.batch_alter_table("adaptations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_adaptations_status"))

    op.drop_table("adaptations")
