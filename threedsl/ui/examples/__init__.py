"""The examples to click, and the first screen, which shows the search with the first of them."""
