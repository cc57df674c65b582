"""What this project is measured against, beside its own drills."""
