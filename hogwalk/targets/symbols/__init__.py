"""Symbols and version data of a crashed machine's modules: PDB files, PE exports, COFF tables, resources."""
