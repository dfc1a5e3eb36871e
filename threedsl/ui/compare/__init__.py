"""The Compare tab: two photos, how alike they are, and where the bodies differ."""
