// The first screen's body turns from the start, unless the visitor asks for less motion or was faster. The button that
// turns it appears shortly after its answer.
() => {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    let tries = 50;
    const timer = setInterval(() => {
        const button = document.querySelector('#turn');
        if (button && document.querySelector('#status .example')) button.click();
        if (button || !--tries) clearInterval(timer);
    }, 100);
}
