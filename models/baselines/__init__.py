"""Simple rules that every honest report shows beside a model."""
