"""Recommenders built on language models."""
