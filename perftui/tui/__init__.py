"""The screen: one canvas, pure drawing functions, the guards of the terminal."""
