"""Where interaction logs come from; one source a module."""
