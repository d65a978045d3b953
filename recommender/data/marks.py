"""What a visitor does at a step beside looking: bits of a `uint8`.

A file of its own, because the service reads marks and has none of the libraries that cut sessions.
"""

CART, PURCHASE = 1, 2
"""The event put something into the cart, bought something."""

WITHIN = 2
"""So many bits to the left the same is told of the repeats that were collapsed into the step."""
