"""Probes that ask what a model gives away about its users."""
