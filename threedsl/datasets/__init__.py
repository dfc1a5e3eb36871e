"""Public data sets as their authors publish them, read into lists: one module each, with `read(root)`."""
