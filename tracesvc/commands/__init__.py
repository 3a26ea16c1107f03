"""One module per family of commands; each opens what it needs from bootstrap, prints, and exits."""
