"""Node files: read, checked, and turned into running nodes."""
