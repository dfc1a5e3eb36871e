// For `js_on_load` of the people found in a photo. Sends {photo, person}, {remove}, or {photo, box: "x0 y0 x1 y1"} in the
// photo's pixels, all as text. An area is drawn on the photo by dragging or by two clicks, or typed in.
let corner = null;  // where an area begins, [x, y] in shares of the photo
const fields = part => [...part.querySelectorAll('.area input')];

const show = part => {
    const scene = part.querySelector('.scene'), [x0, y0, x1, y1] = fields(part).map(field => +field.value);
    const {width, height} = scene.dataset, drawn = scene.querySelector('.drawn').style;
    drawn.left = `${100 * x0 / width}%`;
    drawn.top = `${100 * y0 / height}%`;
    drawn.width = `${Math.max(0, 100 * (x1 - x0) / width)}%`;
    drawn.height = `${Math.max(0, 100 * (y1 - y0) / height)}%`;
};
const place = (scene, event) => {
    const box = scene.getBoundingClientRect();
    const share = (at, start, length) => Math.min(1, Math.max(0, (at - start) / length));
    return [share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height)];
};
const stretch = (scene, [x, y]) => {
    const part = scene.closest('.on-photo'), {width, height} = scene.dataset;
    const sides = [Math.min(corner[0], x) * width, Math.min(corner[1], y) * height,
        Math.max(corner[0], x) * width, Math.max(corner[1], y) * height];
    fields(part).forEach((field, i) => { field.value = Math.round(sides[i]); });
    show(part);
};
const far = (scene, [x, y]) => {
    const box = scene.getBoundingClientRect();
    return Math.hypot((x - corner[0]) * box.width, (y - corner[1]) * box.height) > 8;
};

element.addEventListener('click', event => {
    const button = event.target.closest('button'), part = event.target.closest('.on-photo');
    if (!button) return;
    if ('draw' in button.dataset) {
        button.setAttribute('aria-expanded', part.classList.toggle('drawing'));
        corner = null;
        show(part);
    } else if ('use' in button.dataset) {
        trigger('click', {photo: part.dataset.photo, box: fields(part).map(field => field.value || '?').join(' ')});
    } else {
        trigger('click', {...button.dataset});
    }
});
element.addEventListener('pointerdown', event => {
    const scene = event.target.closest('.drawing .scene');
    if (!scene || event.button) return;
    event.preventDefault();
    scene.setPointerCapture(event.pointerId);
    corner ??= place(scene, event);
});
element.addEventListener('pointermove', event => {
    const scene = event.target.closest('.drawing .scene');
    if (scene && corner) stretch(scene, place(scene, event));
});
element.addEventListener('pointerup', event => {
    const scene = event.target.closest('.drawing .scene');
    if (!scene || !corner) return;
    const end = place(scene, event);
    if (!far(scene, end)) return;  // a first click: the second is the opposite corner
    stretch(scene, end);
    corner = null;
});
element.addEventListener('pointercancel', () => { corner = null; });
element.addEventListener('input', event => {
    const part = event.target.closest('.on-photo');
    if (part) show(part);
});
element.addEventListener('keydown', event => {
    if (event.key === 'Enter' && event.target.matches('.area input'))
        event.target.closest('.area').querySelector('[data-use]').click();
});
