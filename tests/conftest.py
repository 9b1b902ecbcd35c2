"""Fixtures every test may ask for."""

from __future__ import annotations

from tests.support.leaks import no_blocking, no_leaks

__all__ = ["no_blocking", "no_leaks"]
