// For `js_on_load` of the examples. A click sends {example}, its number as text.
element.addEventListener('click', event => {
    const button = event.target.closest('button[data-example]');
    if (button) trigger('click', {example: button.dataset.example});
});
