"""The dialogue in which somebody enters messages number by number: lines in, instructions out, and no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from actors.stats.errors import BadSeries
from actors.stats.series import MOST, parse_number
from actors.stats.wording import listed

ANOTHER = "Another message? Y for yes, anything else to end: "
YES = ("Y", "y")


@dataclass(frozen=True)
class Say:
    """Tell the person."""

    text: str


@dataclass(frozen=True)
class Send:
    """A message is complete."""

    numbers: tuple[float, ...]


class Entry:
    """One dialogue: ask `question`, hand over the answer as `line`, do what it says, until `ended`.

    A message takes at most ten entries. One that is no positive number is left out and counts all the same.
    """

    def __init__(self) -> None:
        self.ended = False
        self._numbers: tuple[float, ...] = ()
        self._entries = 0
        self._between = False  # two messages

    @property
    def question(self) -> str:
        """What to ask next."""
        return ANOTHER if self._between else f"Number {self._entries + 1} of {MOST} (Enter alone ends the message): "

    def line(self, text: str) -> list[Say | Send]:
        """The answer to `question`, and what it makes of the dialogue."""
        text = text.strip()
        if self._between:
            self._between, self.ended = False, text not in YES
            return []
        if not text:
            return self._complete()
        told = self._add(text)
        return told + self._complete() if self._entries == MOST else told

    def cut_off(self) -> list[Say | Send]:
        """No more lines will come: says what was entered and is not sent."""
        self.ended = True
        return [Say(f"Not sent, as the message was not ended: {listed(self._numbers)}")] if self._numbers else []

    def _add(self, text: str) -> list[Say | Send]:
        self._entries += 1
        try:
            self._numbers += (parse_number(text),)
        except BadSeries as error:
            return [Say(f"{error.message}: it is left out, and counts as one of the {MOST} entries.")]
        return []

    def _complete(self) -> list[Say | Send]:
        numbers, self._numbers, self._entries, self._between = self._numbers, (), 0, True
        return [Send(numbers)] if numbers else [Say("The message is empty and is not sent.")]
