"""What an audit leaves behind, and how people read it."""
