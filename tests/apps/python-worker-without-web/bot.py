import time

while True:
    print("listening to nobody", flush=True)
    time.sleep(1)
