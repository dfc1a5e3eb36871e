"""The documents of the repository and their fenced blocks."""

import re
from dataclasses import dataclass

from tests.conftest import REPOSITORY

TEXTS = {
    path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8")
    for path in (*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").glob("*.md")))
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a document and the heading it stands under."""

    source: str
    heading: str
    language: str
    text: str

    def commands(self) -> list[str]:
        """Its lines without comments; lines that end in a backslash go on in the next."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [command for line in lines if (command := re.sub(r"(^|\s+)#.*", "", line).strip())]


def read_blocks(source: str) -> list[Block]:
    heading, found = "", []
    for match in re.finditer(r"^## ([^\n]+)$|^```(\w*)\n(.*?)^```$", TEXTS[source], re.MULTILINE | re.DOTALL):
        if match[1]:
            heading = match[1]
        else:
            found.append(Block(source, heading, match[2], match[3]))
    return found


BLOCKS = [block for source in TEXTS if source != "docs/api.md" for block in read_blocks(source)]
COMMANDS = {command: None for block in BLOCKS if block.language == "bash" for command in block.commands()}
