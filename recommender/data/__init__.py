"""Events, the log that keeps them, sessions, vocabulary, examples, split."""
