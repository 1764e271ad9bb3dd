"""How the faces of `synthetic_faces` are drawn; NumPy and Pillow only."""
