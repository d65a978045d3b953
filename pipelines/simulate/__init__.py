"""A made-up shop with visitors of known intent, for the demo and the tests."""
