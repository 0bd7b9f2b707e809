"""A diagnosis that can be watched while it is made: the same results as the doctor's, told pod by pod."""
