"""docs/results.md: prose from template.md, every figure from a record."""
