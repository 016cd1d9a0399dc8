"""The statistics every verdict rests on; no model, no files."""
