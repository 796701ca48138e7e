print("moved")
