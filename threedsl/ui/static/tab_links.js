// Gives every tab an address, ?tab=NAME, and the browser's back button its meaning. `names`: of the tabs, in their order.
// Runs once, when the page is loaded.
(names) => {
    const buttons = () => [...document.querySelectorAll('.tab-container[role=tablist] > button[role=tab]')];
    const open = () => names[buttons().findIndex(button => button.getAttribute('aria-selected') === 'true')];
    const asked = () => {
        const name = new URL(location).searchParams.get('tab');
        return names.includes(name) ? name : names[0];
    };
    const follow = () => {
        if (open() !== asked()) buttons()[names.indexOf(asked())]?.click();
    };
    const start = (tries) => {
        if (buttons().length < names.length) return tries && setTimeout(start, 100, tries - 1);
        follow();
        addEventListener('popstate', follow);
        new MutationObserver(() => {
            const name = open();
            if (!name || name === asked()) return;
            const address = new URL(location);
            address.searchParams.set('tab', name);
            history.pushState(null, '', address);
        }).observe(buttons()[0].parentElement, {subtree: true, attributes: true, attributeFilter: ['aria-selected']});
    };
    start(50);
}
