// For `js_on_load` of the rankings. A click on a match marks its picture in all rows and sends {index}, its row in the
// gallery, as text; not while a search runs, whose answer would take the opened match away.
element.addEventListener('click', event => {
    const card = event.target.closest('button')?.closest('.card[data-index]');
    if (!card || document.querySelector('#rows .pending, #people .pending')) return;
    element.querySelectorAll('.picked').forEach(other => other.classList.remove('picked'));
    const same = element.querySelectorAll(`.card[data-index="${card.dataset.index}"]`);
    same.forEach(other => other.classList.add('picked'));
    element.querySelectorAll('[data-opened]').forEach(other => delete other.dataset.opened);
    card.dataset.opened = 'true';
    trigger('click', {index: card.dataset.index});
});
