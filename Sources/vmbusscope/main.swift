print("vmbusscope")
