// The button “Delete” takes two presses, the second of which confirms: the second click of a double click confirms
// nothing. label: what is written on it now; first: what it says before it was pressed.
(first, label, ...others) => {
    const button = document.getElementById("gallery-delete"), now = performance.now();
    const hasty = now - (button.asked ?? -Infinity) < 700;
    if (label === first) button.asked = now;
    return [hasty ? first : label, ...others];
}
