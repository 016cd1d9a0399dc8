"""Conducts an audit: the command line, plans, runs, stores and gates."""
