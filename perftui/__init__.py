"""perftui: which one constraint holds this host back, since when, with what evidence."""

__version__ = "0.1.0"
