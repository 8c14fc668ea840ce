"""What a training minimizes and how: losses, targets, optimizer, learning rate, first weights."""
