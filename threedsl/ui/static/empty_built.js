// Takes the files and the name of which a gallery was built out of their boxes; what was put there meanwhile stays.
(files, name) => {
    const [used, given] = window.beingBuilt, paths = new Set((used ?? []).map(file => file.path));
    const left = (files ?? []).filter(file => !paths.has(file.path));
    return [left.length ? left : null, name === given ? '' : name];
}
