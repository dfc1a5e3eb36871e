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
    // A slider tells that it was moved where a pointer lets it go, and its number where it is left.
    addEventListener("keyup", event => {
        if (!/^(Arrow|Page|Home|End)/.test(event.key) || !event.target.matches?.("input[type=range]")) return;
        event.target.dispatchEvent(new PointerEvent("pointerup", {bubbles: true}));
    });
    addEventListener("keydown", event => {
        if (event.key === "Enter" && event.target.matches?.("[data-testid=number-input]"))
            event.target.dispatchEvent(new FocusEvent("blur"));
    });
    improve();
    new MutationObserver(improve).observe(
        document.body, {childList: true, subtree: true, attributes: true, attributeFilter: ["tabindex"]}
    );
}
