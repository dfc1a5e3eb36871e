// Gives the event its inputs, of which there are `count`, and its number among all that the page has sent, which is noted
// under the event's `name` for `turn_of`. box: of an event whose first input is a photo, the photo's box and how it came
// there. Emptying a box is an input event as well, and may still carry the photo that was in it: it is given as none.
(count, name, box, ...values) => {
    if (box) {
        const [where, how] = box, photos = (window.photos ??= {}), path = values[0]?.path;
        if (how === 'removed' || (how === 'input' && path && path === photos[where])) values[0] = null;
        else if (path) photos[where] = path;
    }
    window.turnNumber = (window.turnNumber ?? 0) + 1;
    (window.turns ??= {})[name] = window.turnNumber;
    return [...values.slice(0, count), window.turnNumber];
}
