"""Statistics: intervals, tests and monotone fits.

intervals    confidence intervals of a fraction
noninferior  whether a model loses less than a limit, by paired tests
isotonic     monotone fits of noisy curves
"""
