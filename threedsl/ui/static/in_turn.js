// Gives the event its inputs, of which there are `count`, and its number among all that the page has sent, which is noted
// under the event's `name` for `turn_of`.
(count, name, ...values) => {
    window.turnNumber = (window.turnNumber ?? 0) + 1;
    (window.turns ??= {})[name] = window.turnNumber;
    return [...values.slice(0, count), window.turnNumber];
}
