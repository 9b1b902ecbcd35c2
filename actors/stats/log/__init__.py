"""The log of the statistics service: segments as they are written, one object a day as they are merged."""
