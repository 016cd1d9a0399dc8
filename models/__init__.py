"""What is audited, and the world it recommends in."""
