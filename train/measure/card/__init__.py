"""A model card (README.md next to the weights), filled in with measured figures."""
