// For `js_on_load` of a gallery on the page. Sends {gallery, names}: the changed names by the rows of their pictures. The
// gallery is redrawn once they are saved; what was typed since stays, and so does the keyboard's place.
const typed = {};  // by gallery: names by row that were not sent
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
    delete typed[gallery];
    trigger('submit', {gallery, names});
});
new MutationObserver(() => {
    if (form() === drawn) return;
    drawn = form();
    for (const [row, name] of Object.entries(typed[drawn?.dataset.gallery] ?? {}))
        element.querySelector(`input[data-row="${row}"]`).value = name;
    if (place && document.activeElement === document.body)
        element.querySelector(place)?.focus({preventScroll: true});
}).observe(element, {childList: true, subtree: true});
