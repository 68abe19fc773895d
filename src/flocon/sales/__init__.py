"""Domain `sales`: what shops drop, made into trusted dimensions, facts and key figures."""
