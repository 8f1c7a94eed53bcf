"""Compactions: the kind of an adaptation, and the version that another one replaces"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

REPLACES = "fk_adapter_versions_collection_replaces_adapter_versions"


def upgrade() -> None:
    op.add_column("adaptations", sa.Column("kind", sa.String(length=16), nullable=False, server_default="learn"))
    with op.batch_alter_table("adapter_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replaces", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f(REPLACES), "adapter_versions", ["collection", "replaces"], ["collection", "version"]
        )
    # Until now every version was made from the one that was live, to take its place.
    op.execute("UPDATE adapter_versions SET replaces = parent")


def downgrade() -> None:
    with op.batch_alter_table("adapter_versions", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f(REPLACES), type_="foreignkey")
        batch_op.drop_column("replaces")
    op.drop_column("adaptations", "kind")
