"""Search over configurations: a space, paired racing, a front, a winner confirmed on other questions."""
