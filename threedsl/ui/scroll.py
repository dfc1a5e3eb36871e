"""Bringing an answer into sight once it is there."""

# At once: a smooth scroll ends half-way when something on the page changes its size meanwhile.
JUMP = """() => {
    const target = document.querySelector("%(target)s");
    if (!target || !document.querySelector("%(answer)s")) return;
    let taken = false;
    for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"])
        window.addEventListener(kind, () => { taken = true; }, {once: true, passive: true});
    const jump = () => {
        const top = target.getBoundingClientRect().top;
        const phone = window.innerWidth < 700;
        const away = phone ? Math.abs(top) > 60 : top < 0 || top > %(low)s * window.innerHeight;
        if (away && !taken) target.scrollIntoView();
    };
    requestAnimationFrame(() => requestAnimationFrame(jump));
    setTimeout(jump, 700);  // pictures have come by then
}"""


def jump_to(target: str, answer: str, low: float = 9) -> str:
    """JavaScript that scrolls to the element `target` (a CSS selector) where there is an `answer`: on a phone always,
    on a wide screen where it lies above the window or below the share `low` of its height."""
    return JUMP % {"target": target, "answer": answer.replace('"', "'"), "low": low}
