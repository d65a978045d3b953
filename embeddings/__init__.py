"""Products as short vectors: integer sequences in, arrays out."""
