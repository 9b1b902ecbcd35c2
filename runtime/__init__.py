"""The actor runtime: actors, refs, links between nodes. It knows nothing of images, queues or Spark."""

from runtime.actor import Actor, BoundOp, Options, Place, op
from runtime.auth import Auth, TlsFiles
from runtime.deadline import current_trace, deadline, remaining, trace
from runtime.errors import (
    ActorFailed,
    ActorStopped,
    AskError,
    BrumeError,
    DeadlineExceeded,
    NameTaken,
    NoSuchActor,
    NoSuchOp,
    OpFailed,
    Overloaded,
    PeerLost,
    Problem,
    ProtocolError,
    Unauthorized,
    WouldDeadlock,
)
from runtime.mailbox import MailboxPolicy
from runtime.node import Node
from runtime.ref import Ref
from runtime.statistics import ActorStatistics, LinkStatistics, Measurement, NodeStatistics
from runtime.stream import Stream, Topic
from runtime.supervisor import RestartPolicy

__all__ = [
    "Actor",
    "ActorFailed",
    "ActorStatistics",
    "ActorStopped",
    "AskError",
    "Auth",
    "BoundOp",
    "BrumeError",
    "DeadlineExceeded",
    "LinkStatistics",
    "MailboxPolicy",
    "Measurement",
    "NameTaken",
    "NoSuchActor",
    "NoSuchOp",
    "Node",
    "NodeStatistics",
    "OpFailed",
    "Options",
    "Overloaded",
    "PeerLost",
    "Place",
    "Problem",
    "ProtocolError",
    "Ref",
    "RestartPolicy",
    "Stream",
    "TlsFiles",
    "Topic",
    "Unauthorized",
    "WouldDeadlock",
    "current_trace",
    "deadline",
    "op",
    "remaining",
    "trace",
]
