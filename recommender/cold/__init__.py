"""Products without clicks: vectors from what the feed says, scores beside the model's."""
