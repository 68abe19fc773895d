"""`make bench`: what Flocon costs beside what PostgreSQL itself costs, as ratios measured in one run."""
