"""Which workers may work together: those that compute every operator bit for bit alike.

Pure: cards in, groups out. The largest group works; the others wait, each with a reason a person can act on.
"""

from collections import Counter
from collections.abc import Mapping

from actors.split.messages import WorkerCard


def group_of(card: WorkerCard) -> str:
    """What two workers must have in common."""
    return f"{card.cv2}/{card.digest}"


def working_group(cards: Mapping[str, WorkerCard], own: str) -> str:
    """The group with most workers; `own`, the master's, wins a draw and stands where there is no worker at all."""
    sizes = Counter(group_of(card) for card in cards.values())
    return max(sizes, key=lambda group: (sizes[group], group == own, group), default=own)


def why_waiting(card: WorkerCard, working: str) -> str:
    """Why a worker of another group gets no tiles; empty for one of the working group."""
    if group_of(card) == working:
        return ""
    version = working.partition("/")[0]
    if card.cv2 != version:
        return f"its OpenCV is {card.cv2}, the working group's is {version}"
    return f"its OpenCV {card.cv2} computes some operator differently from the working group (digest {card.digest[:8]})"
