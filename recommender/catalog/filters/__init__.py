"""Which products: one grammar, one tree, run in memory or by Elasticsearch."""
