"""The hash of a manifest"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("adapter_versions", sa.Column("manifest_sha256", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("adapter_versions", "manifest_sha256")
