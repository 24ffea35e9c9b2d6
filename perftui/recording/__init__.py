"""The tape: frames on disk as JSON lines in zstd frames, found again by time. `zstdcat` reads it."""
