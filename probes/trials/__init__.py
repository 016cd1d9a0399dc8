"""Known-answer worlds, one a probe: what the self-test turns to see a probe silent and loud."""
