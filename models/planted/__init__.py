"""Recommenders with one planted fault each, and honest ones."""
