// Scrolls to the element `target` once there is an `answer` (CSS selectors): on a phone always, on a wide screen where it
// lies above the window or below the share `low` of its height; not where the visitor has since scrolled the page.
// At once, because a smooth scroll ends half-way when something on the page changes its size.
(target, answer, low) => {
    const element = document.querySelector(target);
    if (!element || !document.querySelector(answer)) return;
    let taken = false;
    for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"])
        window.addEventListener(kind, () => { taken = true; }, {once: true, passive: true});
    const jump = () => {
        const top = element.getBoundingClientRect().top;
        const phone = window.innerWidth < 700;
        const away = phone ? Math.abs(top) > 60 : top < 0 || top > low * window.innerHeight;
        if (away && !taken) element.scrollIntoView();
    };
    requestAnimationFrame(() => requestAnimationFrame(jump));
    setTimeout(jump, 700);  // pictures have come by then
}
