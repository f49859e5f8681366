"""Typed JSON of the pages, one module per noun. Lengths in angstrom, angles in degrees, fractions 0 to 1."""
