"""Ways to run the jobs of an audit."""
