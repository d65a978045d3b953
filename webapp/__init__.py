"""What answers over HTTP: the JSON API, the widget and the small shop page."""
