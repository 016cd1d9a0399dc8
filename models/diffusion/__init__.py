"""Recommenders that learn to take noise away: from interactions, or from the vectors of items."""
