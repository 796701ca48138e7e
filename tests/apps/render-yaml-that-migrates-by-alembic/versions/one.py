"""The first table."""

from alembic import op

revision = "one"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE entries (words TEXT)")
    op.execute("INSERT INTO entries VALUES ('a table that alembic made')")
