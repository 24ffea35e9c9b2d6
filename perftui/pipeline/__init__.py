"""Frames in, snapshots out: the feeds, the one loop, and the players that the screens follow."""
