"""Probes in two splits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("probes", sa.Column("split", sa.String(length=8), server_default="guard", nullable=False))
    op.add_column("probes", sa.Column("passage", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("probes", "passage")
    op.drop_column("probes", "split")
