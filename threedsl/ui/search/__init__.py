"""The Search tab: from a visitor's photos to three rankings, a body and an opened match."""
