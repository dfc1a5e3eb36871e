// Puts the keyboard's focus on an element (a CSS selector), if it is there. options: those of HTMLElement.focus.
(target, options) => document.querySelector(target)?.focus(options)
