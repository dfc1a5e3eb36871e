"""Results as papers print them: next to the paper's own, over several seeds, and in LaTeX."""
