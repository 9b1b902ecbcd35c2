"""Fixtures every test may ask for."""

from __future__ import annotations

from hypothesis import settings

from tests.support.leaks import no_blocking, no_leaks

__all__ = ["no_blocking", "no_leaks"]

settings.register_profile("brume", deadline=None)  # speed lives in bench/
settings.load_profile("brume")
