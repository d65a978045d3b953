"""Products and where they are kept."""
