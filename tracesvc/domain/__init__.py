"""What the service decides: pure functions over facts, with no I/O, no clock and no third party."""
