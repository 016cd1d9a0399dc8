"""Probes that ask what sways a model that should not."""
