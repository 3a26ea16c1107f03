"""The loops that carry captures from stored to projected."""
