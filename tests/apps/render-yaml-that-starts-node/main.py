print("fetches what the pages show")
