"""The artifact folder, its versions, and the answer to a visitor."""
