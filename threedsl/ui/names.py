"""What Gradio's components lack for keyboards and screen readers, given to them in the browser."""

MEND = """() => {
    const label = element => element.closest(".block")?.querySelector("[data-testid=block-label]")?.textContent.trim();
    const mend = () => {
        document.querySelectorAll("#examples button.gallery-item:not([aria-label])").forEach(button => {
            const place = [...button.parentElement.querySelectorAll("button.gallery-item")].indexOf(button);
            button.setAttribute("aria-label", `Example photo ${place + 1}`);
        });
        document.querySelectorAll(".image-container > button:not([aria-label])").forEach(
            button => button.setAttribute("aria-label", label(button) || "Picture")
        );
        // The canvases ask to come before everything else when Tab is pressed.
        document.querySelectorAll("canvas[tabindex]:not([tabindex='0'])").forEach(canvas => {
            canvas.tabIndex = 0;
            canvas.setAttribute("role", "img");
            canvas.setAttribute("aria-label", label(canvas) || "3D body");
        });
        document.querySelectorAll("#evidence .prose table:not([tabindex])").forEach(table => { table.tabIndex = 0; });
    };
    // A body turns when it is dragged; the wheel belongs to the page, and zooms where Ctrl is held.
    addEventListener("wheel", event => {
        if (!event.ctrlKey && event.target.closest?.(".canvas")) event.stopImmediatePropagation();
    }, {capture: true, passive: true});
    mend();
    new MutationObserver(mend).observe(
        document.body, {childList: true, subtree: true, attributes: true, attributeFilter: ["tabindex"]}
    );
}"""
"""JavaScript to run once when the page is loaded; it names and orders what is drawn later as well."""
