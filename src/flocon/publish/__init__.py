"""What leaves the lake for others: CSV files and MongoDB. Shared by all domains, and knows none of them."""
