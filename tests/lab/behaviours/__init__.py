"""What AWS does and moto does not, one small file each: its docstring names the fact, its `install(lab)` sees to it."""
