// Scrolls to an element (a CSS selector), on a phone alone.
(target) => {
    if (window.innerWidth < 700) document.querySelector(target).scrollIntoView();
}
