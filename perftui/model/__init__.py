"""The shared words: frames, samples, failures, findings, verdicts. Imports nothing of ours."""
