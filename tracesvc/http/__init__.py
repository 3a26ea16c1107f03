"""The door: HTTP in and out, over the stages; holds no rule of its own."""
