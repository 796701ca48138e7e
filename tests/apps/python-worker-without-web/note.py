print("noted")
