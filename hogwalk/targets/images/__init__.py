"""What is read out of PE images: headers, version resources, COFF symbols, and where image files lie on disk."""
