"""What pictures show, as plain values: each is read in one transaction, and drawn by whoever can draw.

The numbers are those that the commands tell: a picture's sums are the JSON's.
"""
