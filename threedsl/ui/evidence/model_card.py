"""What the Evidence tab shows of a checkpoint's model card, its README.md."""

import re
from collections.abc import Mapping

LIMITS = "Intended use and limits"
TRAINING = "Training"


def sections(card: str) -> dict[str, str]:
    """A model card's Markdown by heading, without front matter; pictures are taken out, as they are shown apart."""
    body = re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)
    parts = re.split(r"^## +(.+)$", body, flags=re.MULTILINE)
    texts = [re.sub(r"!\[[^\]]*\]\([^)]*\)\n*", "", part).strip() for part in parts[2::2]]
    return dict(zip((title.strip() for title in parts[1::2]), texts, strict=True))


def limits(card: Mapping[str, str]) -> str:
    """Markdown: the section on the model's use as a list, what must not be done first.

    card: what `sections` gives.
    """
    text = card.get(LIMITS, "").strip()
    if not text or re.search(r"^\s*[-*] ", text, re.MULTILINE):
        return text
    # In the card the figures are above; here this section comes first.
    words = " ".join(text.split()).replace("the figures above", "the measured figures")
    sentences = re.split(r"(?<=[.!?]) (?=[A-Z*])", words)
    sentences.sort(key=lambda sentence: "must not" not in sentence)
    return "\n".join(f"- {sentence}" for sentence in sentences)
