"""The runtime's policies from their sections of a node file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from config.schema import MailboxSection, RestartSection
from runtime.actor import Actor
from runtime.mailbox import MailboxPolicy
from runtime.supervisor import RestartPolicy


def mailbox_policy(cls: type[Actor[Any]], section: MailboxSection | None) -> MailboxPolicy:
    """The class's own policy with what the section sets."""
    return replace(cls.mailbox, **section.model_dump(exclude_none=True)) if section is not None else cls.mailbox


def restart_policy(section: RestartSection | None) -> RestartPolicy:
    """The section's policy, or the runtime's own."""
    return RestartPolicy(**section.model_dump()) if section is not None else RestartPolicy()
