// The themes that are shipped inside the program.
