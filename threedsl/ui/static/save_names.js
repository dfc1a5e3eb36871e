// For `js_on_load` of a gallery on the page. Sends {gallery, names}: the changed names by the rows of their pictures. The
// gallery is redrawn once they are saved, which it then says; what was typed since, or could not be saved, stays, and
// so does the keyboard's place.
const typed = {}, sent = {};  // by gallery: names by row that were not saved, and those that were sent last
let place = null, drawn = null;
const form = () => element.querySelector('form[data-gallery]');
element.addEventListener('input', event => {
    const gallery = form().dataset.gallery, row = event.target.dataset.row;
    typed[gallery] = {...typed[gallery], [row]: event.target.value};
});
element.addEventListener('focusin', event => {
    const {id, dataset} = event.target;
    place = id ? `#${id}` : dataset.row && `input[data-row="${dataset.row}"]`;
});
element.addEventListener('submit', event => {
    event.preventDefault();
    const names = {}, gallery = event.target.dataset.gallery;
    for (const field of element.querySelectorAll('input[data-row]'))
        if (field.value !== field.defaultValue) names[field.dataset.row] = field.value;
    sent[gallery] = names;
    trigger('submit', {gallery, names});
});
new MutationObserver(() => {
    if (form() === drawn) return;
    drawn = form();
    const gallery = drawn?.dataset.gallery, saved = drawn?.querySelector('.save span')?.textContent;
    for (const [row, name] of Object.entries(saved && sent[gallery] || {}))
        if (typed[gallery]?.[row] === name) delete typed[gallery][row];
    for (const [row, name] of Object.entries(typed[gallery] ?? {}))
        element.querySelector(`input[data-row="${row}"]`).value = name;
    if (place && document.activeElement === document.body)
        element.querySelector(place)?.focus({preventScroll: true});
}).observe(element, {childList: true, subtree: true});
