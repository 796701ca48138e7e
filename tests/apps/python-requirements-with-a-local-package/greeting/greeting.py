WORDS = b"a local package"
