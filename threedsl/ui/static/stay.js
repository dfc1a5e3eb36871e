// Tells the server that this page is still there, as its connection may break while a phone sleeps, and that it is being
// closed. visit: what the server calls it.
(visit) => {
    const {root, api_prefix} = window.gradio_config;
    const say = (what) => {
        const address = `${root}${api_prefix}/visit/${visit}/${what}`;
        // Some browsers and their extensions leave beacons out.
        if (!navigator.sendBeacon?.(address)) fetch(address, {method: 'POST', keepalive: true}).catch(() => {});
    };
    const here = () => say('here');
    setInterval(here, 30000);
    for (const event of ['online', 'focus']) window.addEventListener(event, here);
    document.addEventListener('visibilitychange', here);
    window.addEventListener('pagehide', () => say('closed'));
    // A page that the browser kept is shown again, but the server has forgotten its visit.
    window.addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
}
