"""What a series of numbers is, and how one is read from text. Pure: the same text gives the same series or error.

The work is linear in the size of the text, and no nesting, however deep, is followed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec

from actors.stats.errors import BadSeries

MOST = 10  # numbers a series has at most
ECHOED = 40  # characters of a sender's text an error repeats
FORMS = 'JSON {"numbers": [1, 2.5]}, a JSON list, or numbers separated by spaces, commas or newlines'

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SEPARATORS = re.compile(r"[ \t\r\n,]+")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class _Body(msgspec.Struct, forbid_unknown_fields=True):  # an unknown field would be skipped by recursion
    numbers: list[float]


_OBJECT = msgspec.json.Decoder(_Body)
_LIST = msgspec.json.Decoder(list[float])


def parse_body(body: str) -> tuple[float, ...]:
    """The series a request's body holds. Raises BadSeries."""
    text = body.strip(" \t\r\n")
    if text.startswith(("{", "[")):
        return check_series(_parse_json(text))
    words = [word for word in _SEPARATORS.split(text, maxsplit=MOST + 1) if word]
    if len(words) > MOST:
        raise _too_many()
    return check_series([parse_number(word) for word in words])


def parse_number(text: str) -> float:
    """One number written in decimal, with or without exponent. Raises BadSeries unless it is finite and at least 0."""
    if not _NUMBER.fullmatch(text):
        raise BadSeries(f"{quoted(text)} is not a number", hint=FORMS)
    return check_number(float(text), text)


def check_number(number: float, text: str = "") -> float:
    """`number`, if it is finite and at least 0; `text` is how it was written. Raises BadSeries."""
    if 0 <= number < math.inf:
        return number + 0.0  # -0.0 becomes 0.0
    shown = quoted(text or repr(number))
    if number < 0 and math.isfinite(number):
        raise BadSeries(f"{shown} is negative", hint="numbers are 0 or greater")
    raise BadSeries(f"{shown} is too large or not finite", hint="the largest number is about 1.8e308")


def check_series(numbers: Sequence[float]) -> tuple[float, ...]:
    """`numbers` as a series. Raises BadSeries: none, more than ten, one below 0 or not finite."""
    if not numbers:
        raise BadSeries("there are no numbers", hint=FORMS)
    if len(numbers) > MOST:
        raise _too_many()
    return tuple(check_number(number) for number in numbers)


def quoted(text: str) -> str:
    """A sender's text as an error may repeat it."""
    return f'"{shortened(text, ECHOED)}"'


def shortened(text: str, most: int) -> str:
    """At most that many characters, none of which moves a cursor or turns a line around."""
    return _UNPRINTABLE.sub("\ufffd", text if len(text) <= most else text[: most - 1] + "…")


def _parse_json(text: str) -> list[float]:
    try:
        return _OBJECT.decode(text).numbers if text.startswith("{") else _LIST.decode(text)
    except UnicodeEncodeError:
        raise BadSeries("the text holds half a character", hint=FORMS) from None
    except msgspec.MsgspecError as error:
        raise BadSeries(f"no series of numbers: {shortened(str(error), 100)}", hint=FORMS) from None


def _too_many() -> BadSeries:
    return BadSeries(f"there are more than {MOST} numbers", hint=f"1 to {MOST} numbers a message")
