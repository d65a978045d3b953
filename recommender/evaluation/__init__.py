"""How models are judged: full ranking on later days, with intervals."""
