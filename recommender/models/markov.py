"""First-order Markov chain: what directly followed the last item."""

from typing import ClassVar

from recommender.models.sequential_rules import SequentialRules


class Markov(SequentialRules):
    """How often b came directly after a, over all training sessions.

    These are the sequential rules of distance 1. A repeat counts as a step a → a.

    Source: Kamehkhosh, Jannach, Ludewig (2017), "A Comparison of Frequent Pattern Techniques and a
    Deep Learning Method for Session-Based Recommendation", section 2.1.
    """

    name = "markov"
    max_distance: ClassVar[int] = 1
