"""What a word of the stack can be: modules and their code, call sites behind return addresses, links between frames."""
