// What Gradio's components lack for keyboards and screen readers. Runs once, when the page is loaded; names and orders
// what is drawn later as well.
() => {
    const label = element => element.closest(".block")?.querySelector("[data-testid=block-label]")?.textContent.trim();
    const improve = () => {
        document.querySelectorAll(".image-container > button:not([aria-label])").forEach(
            button => button.setAttribute("aria-label", label(button) || "Picture")
        );
        // The canvases have a tabindex that puts them before everything else.
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
    improve();
    new MutationObserver(improve).observe(
        document.body, {childList: true, subtree: true, attributes: true, attributeFilter: ["tabindex"]}
    );
}
