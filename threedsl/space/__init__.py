"""A Hugging Face Space: assembling it in one folder, and checking that it works."""
