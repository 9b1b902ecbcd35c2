"""One picture split over workers, merged bit for bit."""
