"""One file per subcommand; the only wiring."""
