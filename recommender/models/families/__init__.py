"""Families of distributions: raw outputs of a network in, log-probabilities out."""
