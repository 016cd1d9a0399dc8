"""Probes that ask who is treated differently."""
