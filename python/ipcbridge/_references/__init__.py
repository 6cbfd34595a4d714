"""Functions and objects that one side has and the other calls."""
