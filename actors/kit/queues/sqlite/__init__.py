"""Queues in a SQLite file, shared by the processes of one user on one host: `SqliteBroker`."""

from actors.kit.queues.sqlite.broker import SqliteBroker

__all__ = ["SqliteBroker"]
