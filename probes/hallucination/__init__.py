"""Probes that ask whether a model says what is true."""
