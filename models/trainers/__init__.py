"""Ways to train a recommender; a trainer only fits."""
