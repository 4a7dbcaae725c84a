"""Which of several dashboards on one database follows Kafka: the one whose connection has the lock."""

from sqlalchemy import Connection

_LOCK = 7_204_118


def try_to_lead(connection: Connection) -> bool:
    """Whether this connection is the one that may write what Kafka brings, until it is closed.

    The lock belongs to the connection that writes: when it breaks, its last transaction is gone with the
    lock, and nothing of it can arrive after another has taken over. A file has one dashboard.
    """
    if connection.dialect.name != "postgresql":
        return True
    with connection.begin():
        return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_LOCK})").scalar())
