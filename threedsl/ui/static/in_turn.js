// Gives the event its inputs, of which there are `count`, and its number among all that the page has sent.
(count, ...values) => {
    window.turnNumber = (window.turnNumber ?? 0) + 1;
    return [...values.slice(0, count), window.turnNumber];
}
