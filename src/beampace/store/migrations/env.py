"""How Alembic runs the revisions: on the connection it is given, inside that connection's transaction."""

from alembic import context

from beampace.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
