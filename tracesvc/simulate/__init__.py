"""A deterministic supply chain that uploads as trade systems do: for the demo, load tests and scores."""
