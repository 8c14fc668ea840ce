"""The optimization problem of a training: loss, targets, optimizer, learning rate, initial weights."""
