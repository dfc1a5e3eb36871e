// Notes the files and the name of which a gallery is being built, the first of `values`, for empty_built.js.
(...values) => {
    window.beingBuilt = values.slice(0, 2);
    return values;
}
