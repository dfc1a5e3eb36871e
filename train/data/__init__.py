"""The pictures of a run: lists, validation people, batches and their augmentation."""
