"""The search for better settings: what may change, what was tried, which trial wins."""
