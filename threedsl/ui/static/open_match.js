// Scrolls to the opened match, and gives `empty` to its components: what they showed belongs to another match.
(empty) => {
    requestAnimationFrame(() => {
        const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
        document.getElementById('detail')?.scrollIntoView({behavior: calm ? 'auto' : 'smooth', block: 'start'});
    });
    return empty;
}
