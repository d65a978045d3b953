"""Files of a shop in, event log and catalog out."""
