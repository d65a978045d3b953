"""A small shop that shows the widget at work."""
