"""Galleries of 10^4 to 10^6 descriptors of synthetic people."""
