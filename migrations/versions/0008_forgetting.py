"""Documents that were taken back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("forgotten", sa.DateTime(timezone=True), nullable=True))
    op.add_column("adaptations", sa.Column("forgets", sa.String(length=64), nullable=True))
    op.create_table(
        "certificates",
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("adaptation", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("scrubbed", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["adaptation"], ["adaptations.id"], name=op.f("fk_certificates_adaptation_adaptations")
        ),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_certificates_document_documents")),
        sa.PrimaryKeyConstraint("document", name=op.f("pk_certificates")),
    )


def downgrade() -> None:
    op.drop_table("certificates")
    op.drop_column("adaptations", "forgets")
    op.drop_column("documents", "forgotten")
