"""What may be wrong with a recommender, one question per file."""
