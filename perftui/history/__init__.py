"""Frames in memory: the readings of now and one number per reading and tick of the last hour. Pure: no clock, no I/O."""
