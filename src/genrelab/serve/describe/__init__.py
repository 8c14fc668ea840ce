"""What a server says about itself: its interface, its figures, its models."""
