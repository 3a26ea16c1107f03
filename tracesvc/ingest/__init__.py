"""Stage 1: from decoded events to facts in the log, with a receipt that promises only what is true."""
