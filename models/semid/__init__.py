"""Recommenders that write an item as a tuple of codes."""
