// Gradio refuses a file as no "image/*" where the browser does not know its type, as HEIC and JFIF on many systems. Such a
// file is handed on as an unknown picture; the server looks at its bytes and says in words what cannot be read. `suffixes`:
// names that the file dialog offers as well. Runs once, when the page is loaded.
(suffixes) => {
    const PICTURES = 'input[type=file][accept^="image/*"]';
    const known = file => file.type.startsWith('image/')
        ? file : new File([file], file.name, {type: 'image/unknown', lastModified: file.lastModified});
    const given = files => {
        const transfer = new DataTransfer();
        for (const file of files) transfer.items.add(known(file));
        return transfer;
    };
    addEventListener('click', () => document.querySelectorAll('input[type=file][accept="image/*"]').forEach(
        input => { input.accept = ['image/*', ...suffixes].join(','); }
    ), true);
    addEventListener('change', event => {
        const input = event.target;
        if (input.matches?.(PICTURES) && [...input.files].some(file => known(file) !== file))
            input.files = given(input.files).files;
    }, true);
    addEventListener('drop', event => {
        const files = [...event.dataTransfer?.files ?? []];
        if (event.handedOn || files.every(file => known(file) === file)) return;
        if (!event.target.closest?.('.block')?.querySelector(PICTURES)) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        const again = new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: given(files)});
        event.target.dispatchEvent(Object.assign(again, {handedOn: true}));
    }, true);
}
