// For `js_on_load` of a gallery on the page. Sends {gallery, names}: the changed names by the rows of their pictures.
element.addEventListener('submit', event => {
    event.preventDefault();
    const names = {};
    for (const field of element.querySelectorAll('input[data-row]'))
        if (field.value !== field.defaultValue) names[field.dataset.row] = field.value;
    trigger('submit', {gallery: event.target.dataset.gallery, names});
});
