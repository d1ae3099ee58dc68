"""From a ranking to a better ranking of the same hits."""
