"""The embedded PostgreSQL and Redis, and the one process tree of `make run`.

Imports no Django and nothing but the standard library: it must work before the product does.

    python -m usersplit.embedded run                 the whole product
    python -m usersplit.embedded exec -- COMMAND…    COMMAND with a database and a broker of its own

Where `DATABASE_URL` or `BROKER_URL` is set, that part belongs to somebody else and is not started here.
"""
