import time

from keep_alive import counted, keep_alive

counted.append(1)
keep_alive()
while True:
    counted.append(1)
    time.sleep(1)
