"""Measures Brume beside its limits and its peers, in one run, as ratios: `python -m bench` (docs/bench.md)."""
