// Runs once, when the page is loaded: links of the class to-gallery open the Gallery tab and leave the page as it is.
() => {
    document.addEventListener('click', event => {
        if (!event.target.closest?.('a.to-gallery')) return;
        event.preventDefault();
        document.querySelector('[role=tab][data-tab-id="gallery"]')?.click();
        document.querySelector('[role=tablist]')?.scrollIntoView();
    });
}
