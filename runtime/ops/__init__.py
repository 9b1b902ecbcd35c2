"""What an operator sees of a node: logs, metrics, health over HTTP, a dump on SIGUSR1, a watch on the loop.

Every module here is imported by whoever uses it; this one imports none of them.
"""
