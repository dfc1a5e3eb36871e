"""Clothing of synthetic people: the wardrobe, garments on bodies, outfits, colours."""
