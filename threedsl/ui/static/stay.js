// Tells the server that this page is still there, as its connection may break while a phone sleeps, and that it is
// being closed. visit: what the server calls it.
(visit) => {
    const {root, api_prefix} = window.gradio_config, api = root + api_prefix;
    const tell = (what) => fetch(`${api}/visit/${visit}/${what}`, {method: 'POST', keepalive: true}).catch(() => null);
    let connecting = false;
    // Gradio connects a page once. Without a connection the server would not learn that a visit goes on which it ended,
    // and would keep what comes from now on when the page is closed.
    const connect = async () => {
        if (connecting) return;
        connecting = true;
        try {
            const beats = (await fetch(`${api}/heartbeat/${visit}`)).body.getReader();
            while (!(await beats.read()).done);
        } catch { /* it broke again */ }
        connecting = false;
    };
    const here = async () => { if ((await tell('here'))?.status === 404) connect(); };
    setInterval(here, 30000);
    for (const event of ['online', 'focus']) window.addEventListener(event, here);
    document.addEventListener('visibilitychange', here);
    // Some browsers and their extensions leave beacons out.
    const close = () => navigator.sendBeacon?.(`${api}/visit/${visit}/closed`) || tell('closed');
    window.addEventListener('pagehide', close);
    // A page that the browser kept is shown again, but the server has forgotten its visit.
    window.addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
}
