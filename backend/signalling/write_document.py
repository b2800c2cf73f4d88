"""`make docs`: writes `PROTOCOL.md` anew; with `--check` its status only tells whether it is as the code is."""

import sys
from pathlib import Path

from backend.signalling.document import protocol_document

FILE = Path(__file__).with_name("PROTOCOL.md")


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` only look at it; return the exit status."""
    text = protocol_document()
    if "--check" not in arguments:
        FILE.write_text(text)
        return 0
    if FILE.is_file() and FILE.read_text() == text:
        return 0
    sys.stderr.write(f"{FILE.name} is not as the code is: run `make docs`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
