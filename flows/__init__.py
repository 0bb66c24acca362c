"""What runs, when, and what happens when it stops."""
