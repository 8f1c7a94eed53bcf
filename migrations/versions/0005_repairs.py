"""Repairs of a candidate"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("repairs", sa.Integer(), server_default="0", nullable=False)
    op.add_column("adapter_versions", column)


def downgrade() -> None:
    op.drop_column("adapter_versions", "repairs")
