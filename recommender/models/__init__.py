"""The models behind one contract; everything but `fit` is NumPy on saved arrays."""
