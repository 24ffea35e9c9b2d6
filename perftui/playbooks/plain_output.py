"""What a program wrote, as plain text: no escape sequence of it ever reaches a terminal or a file."""

from __future__ import annotations

import re

# One pass: operating system commands and other strings up to their end, control sequences, two-character escapes; and where a
# string has no end, to the end of the line.
_ESCAPES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|(?=\n)|$|(?=\x1b))"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def plain_output(raw: bytes) -> str:
    """The text with escape sequences removed, line ends made one kind, and every other character that can't be printed as `?`."""
    text = _BREAKS.sub("\n", _ESCAPES.sub("", raw.decode("utf-8", "replace")))
    return "\n".join(line if line.isprintable() else _shown(line) for line in text.split("\n"))


def _shown(line: str) -> str:
    return "".join(char if char.isprintable() else char if char == "\t" else "?" for char in line)


def joined(head: bytes, tail: bytes, output_bytes: int) -> str:
    """The kept beginning and end of an output, with a line between that says what is left out."""
    if not tail:
        return plain_output(head)
    left_out = output_bytes - len(head) - len(tail)
    return f"{plain_output(head)}\n[… {left_out:,} bytes left out …]\n{plain_output(tail)}"
