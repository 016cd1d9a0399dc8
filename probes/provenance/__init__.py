"""Probes that ask where lists and texts come from, and whether that can be shown."""
