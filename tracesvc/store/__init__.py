"""Where facts are kept: the only room that speaks to Postgres, one module per family of queries."""
