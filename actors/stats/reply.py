"""The answer to a request: a pure function of its message id, body and attributes, so that all copies are alike.

No request keeps it from answering: what is no series is answered with an error, and every answer can be sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from contextlib import suppress

import msgspec

from actors.kit.queues.base import Answer, Draft, Message
from actors.stats.errors import BadSeries
from actors.stats.messages import ErrorReply, Reply, ReplyError
from actors.stats.series import parse_body, quoted
from actors.stats.summary import summarize

CLIENT = "client"  # attribute of a request and of its reply: whose it is
REPLY_TO = "reply_to"  # attribute of a request: the queue its reply goes to
NOT_A_REPLY_QUEUE = "not_a_reply_queue"
LONGEST_CLIENT = 200  # characters of a client's name a reply repeats

_REPLY: msgspec.json.Decoder[Reply | ErrorReply] = msgspec.json.Decoder(Reply)
_ERROR: msgspec.json.Decoder[Reply | ErrorReply] = msgspec.json.Decoder(ErrorReply)
_UNSENDABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def answer(message: Message, replies: str, reply_queues: Collection[str] = ()) -> Answer:
    """What to send for a request and where: `replies`, or the one of `reply_queues` the request names.

    On a FIFO queue each reply is a group of its own: one that nobody fetches holds up no other.
    """
    client = client_of(message)
    queue = message.attributes.get(REPLY_TO) or replies
    reply: Reply | ErrorReply
    if queue == replies or queue in reply_queues:
        reply = _reply(message, client)
    else:
        wrong = ReplyError(NOT_A_REPLY_QUEUE, f"{quoted(queue)} is not among the reply queues of this service")
        queue, reply = replies, ErrorReply(message.id, wrong)
    attributes = {CLIENT: client} if client else {}
    return Answer(queue, Draft(_as_json(reply), attributes, group=message.id, dedupe=message.id))


def client_of(message: Message) -> str | None:
    """Whose request or reply a message is, if it says so; shortened, and without what cannot be sent."""
    return _UNSENDABLE.sub("", message.attributes.get(CLIENT, ""))[:LONGEST_CLIENT].strip() or None


def read_reply(body: str) -> Reply | ErrorReply | None:
    """A reply as its receiver sees it; None for a message that is none."""
    for decoder in (_REPLY, _ERROR):
        with suppress(msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            return decoder.decode(body)
    return None


def _reply(message: Message, client: str | None) -> Reply | ErrorReply:
    try:
        numbers = parse_body(message.body)
    except BadSeries as error:
        return ErrorReply(message.id, ReplyError(error.code, error.message))
    found = summarize(numbers)
    return Reply(message.id, client, numbers, found.count, found.mean, found.median, found.max, found.min)


def _as_json(reply: Reply | ErrorReply) -> str:
    """In ASCII, so that no character of an echo is refused on its way."""
    return json.dumps(msgspec.to_builtins(reply), separators=(",", ":"))
