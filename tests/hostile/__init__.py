"""Names made to mislead, at every door: what no name may reach is looked for in every command and every output."""
