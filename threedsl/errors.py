"""The one exception that means: the input is at fault, and here is the remedy."""


class InputError(ValueError):
    """Raised for anything a user can put right; its text is one sentence naming the file, line or field."""
