"""Domain `wine`: a merchant's ERP, web shop and link file, reconciled, tested and reported month by month."""
