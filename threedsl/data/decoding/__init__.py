"""Picture files to pixels, in this process or in others that can be ended."""
