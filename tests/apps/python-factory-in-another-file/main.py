from library.setup import application_of

app = application_of("a factory of another file")
